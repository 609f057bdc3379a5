"""Many tasks wait at one source for its first token."""

from __future__ import annotations

import asyncio
import inspect
import logging
import threading
import traceback

import pytest

from descope_async import AccessKeyLoginOptions, ClientClosed, DescopeError, Unauthorized
from descope_async._keys.exchange import MintedToken
from descope_async._keys.renewals import Renewals
from descope_async._keys.shared import Shared
from descope_async._runtime import single_flight
from descope_async._values.secret import Secret
from descope_async.events import Event, StaleTokenServed
from descope_async.events._telemetry import Telemetry
from descope_async.token_source import TokenSource
from tests.quick_time import VirtualTime

MANY = 100
CANARY = "canary-of-tokens"


class Exchanges:
    """Exchanges that end when they may.

    Attributes:
        begun: How many have begun.
        may_end: Set once they may.
        failure: What they raise; None when they succeed.
        life: Seconds that a token lives.
        told: What hooks are told.
    """

    def __init__(self) -> None:
        self.begun = 0
        self.may_end = asyncio.Event()
        self.failure: DescopeError | None = None
        self.life = 600.0
        self.told: list[Event] = []
        self.clock = VirtualTime()
        telemetry = Telemetry([self.told.append])
        self.renewals = Renewals(Shared(self.clock, self.exchange, 15, telemetry))

    async def exchange(self, _: Secret[str], __: AccessKeyLoginOptions) -> MintedToken:
        self.begun += 1
        number = self.begun
        await self.may_end.wait()
        if self.failure is not None:
            raise self.failure
        return MintedToken(Secret(f"{CANARY}-{number}"), self.clock.now(), self.life)

    def source(self) -> TokenSource:
        renewal = self.renewals.join(Secret[object]("Ksecret"), AccessKeyLoginOptions())
        return TokenSource(renewal, self.renewals, None)


async def many_ask(source: TokenSource) -> list[asyncio.Task[str]]:
    """Tasks that wait for the first token, each as lightly as it should."""
    tasks = [asyncio.create_task(source.token()) for _ in range(MANY)]
    await asyncio.sleep(0.01)
    awaited = [getattr(task.get_coro(), "cr_await", None) for task in tasks]
    assert None not in awaited
    # The first began the exchange. For the others there is nothing but a future.
    assert [inspect.iscoroutine(each) for each in awaited] == [True] + [False] * (MANY - 1)
    return tasks


@pytest.fixture
def exchanges() -> Exchanges:
    return Exchanges()


async def test_cancelled_askers_harm_nobody(exchanges: Exchanges) -> None:
    tasks = await many_ask(exchanges.source())
    for task in tasks[::2]:
        task.cancel()
    await asyncio.sleep(0)
    exchanges.may_end.set()
    assert await asyncio.gather(*tasks[1::2]) == [f"{CANARY}-1"] * (MANY // 2)
    await asyncio.wait(tasks)
    assert all(task.cancelled() for task in tasks[::2])
    assert exchanges.begun == 1


async def test_the_error_reaches_everyone_without_the_frames_of_the_others(
    exchanges: Exchanges,
) -> None:
    exchanges.failure = Unauthorized("no such key", status_code=401)
    source = exchanges.source()
    depths: list[int] = []

    async def ask() -> None:
        try:
            await source.token()
        except Unauthorized as error:
            depths.append(len(traceback.extract_tb(error.__traceback__)))

    tasks = [asyncio.create_task(ask()) for _ in range(MANY)]
    await asyncio.sleep(0.01)
    exchanges.may_end.set()
    await asyncio.gather(*tasks)
    assert exchanges.begun == 1
    assert len(depths) == MANY
    assert max(depths) < 8


async def test_if_the_exchange_is_lost_there_is_another(exchanges: Exchanges) -> None:
    tasks = await many_ask(exchanges.source())
    (run,) = [task for task in asyncio.all_tasks() if "_carry_out" in repr(task)]
    run.cancel()
    exchanges.may_end.set()
    assert set(await asyncio.gather(*tasks)) == {f"{CANARY}-2"}
    assert exchanges.begun == 2


@pytest.mark.parametrize("closed", ["source", "client"])
async def test_closing_ends_the_wait(exchanges: Exchanges, closed: str) -> None:
    source = exchanges.source()
    tasks = await many_ask(source)
    await (source if closed == "source" else exchanges.renewals).aclose()
    outcomes = await asyncio.gather(*tasks, source.token(), return_exceptions=True)
    assert {type(outcome) for outcome in outcomes} == {ClientClosed}
    assert exchanges.begun == 1


async def test_closing_a_source_leaves_those_that_share_its_token(exchanges: Exchanges) -> None:
    closed, source = exchanges.source(), exchanges.source()
    tasks = await many_ask(source)
    await closed.aclose()
    exchanges.may_end.set()
    assert set(await asyncio.gather(*tasks)) == {f"{CANARY}-1"}
    with pytest.raises(ClientClosed):
        await closed.headers()


async def test_a_token_that_came_late_is_told_of_for_everyone(exchanges: Exchanges) -> None:
    exchanges.life = 60
    tasks = await many_ask(exchanges.source())
    exchanges.clock.at = 52  # callers wait for the next one from 50 on
    exchanges.may_end.set()
    assert set(await asyncio.gather(*tasks)) == {f"{CANARY}-1"}
    stale = [event for event in exchanges.told if isinstance(event, StaleTokenServed)]
    assert len(stale) == MANY
    assert all(event.usable_for <= 8 for event in stale)


async def test_no_error_while_another_loop_got_a_token(
    exchanges: Exchanges, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(single_flight, "GIVEN_UP_AFTER", 0.5)
    source = exchanges.source()
    tasks = await many_ask(source)
    exchanges.may_end.set()
    elsewhere: list[str] = []
    thread = threading.Thread(target=lambda: elsewhere.append(asyncio.run(source.token())))
    thread.start()
    thread.join(30)  # which holds up this loop, and the exchange on it
    assert elsewhere == [f"{CANARY}-2"]
    exchanges.failure = Unauthorized("no such key", status_code=401)
    assert set(await asyncio.gather(*tasks)) == {f"{CANARY}-2"}


def test_asyncio_in_debug_mode_shows_no_token(
    exchanges: Exchanges, caplog: pytest.LogCaptureFixture
) -> None:
    source = exchanges.source()

    async def ask() -> None:
        assert (
            await source.token() == f"{CANARY}-1"
        )  # not returned: asyncio shows what tasks return

    async def many() -> None:
        asyncio.get_running_loop().slow_callback_duration = 0  # so that it logs each step
        tasks = [asyncio.create_task(ask()) for _ in range(MANY)]
        await asyncio.sleep(0.01)
        exchanges.may_end.set()
        await asyncio.gather(*tasks)

    caplog.set_level(logging.DEBUG)
    asyncio.run(many(), debug=True)
    assert len(caplog.records) > MANY
    assert CANARY not in caplog.text
