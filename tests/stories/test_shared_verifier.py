"""One verifier for many callers, loops, threads and processes, none of whom leaves a key behind."""

from __future__ import annotations

import asyncio
import gc
import multiprocessing
import os
import pickle
import random
import threading
import traceback
from collections.abc import Callable
from typing import Any

import pytest

from descope_async import (
    AccessKeyVerifier,
    ConnectionFailed,
    DescopeClient,
    DescopeError,
    SessionToken,
    Unauthorized,
    Verification,
)
from descope_async._keys.presented_keys import Lifetimes
from descope_async._keys.shared import Shared
from descope_async._values.secret import Secret
from tests.presenting import junk, until
from tests.quick_time import VirtualTime
from tests.servers import Servers

CANARY = "KcanaryOfAllPresentedKeys"


class Service:
    """Exchanges keys without a network.

    Attributes:
        sent: The keys that came.
        seconds: How long an exchange takes.
        failure: Makes what every exchange raises; None when it is well.
    """

    def __init__(self) -> None:
        self.clock = VirtualTime()
        self.sent: list[str] = []
        self.seconds = 0.0
        self.failure: Callable[[], DescopeError] | None = None

        async def never(*_: Any) -> Any:
            raise AssertionError

        self.shared = Shared(self.clock, never, 15)

    async def exchange(self, key: Secret[str]) -> SessionToken:
        self.sent.append(key.reveal())
        await asyncio.sleep(self.seconds)
        if self.failure is not None:
            raise self.failure()
        if key.reveal().startswith("Kjunk"):
            raise Unauthorized("no such key", status_code=401)
        return SessionToken(
            jwt="jwt", key_id="K1", project_id="P1", expire_time=self.clock.now() + 600
        )

    def verifier(self) -> AccessKeyVerifier:
        return AccessKeyVerifier(self.exchange, self.shared, Lifetimes(10, 60, 5))


@pytest.fixture
def service() -> Service:
    return Service()


async def test_cancelled_callers_harm_nobody(service: Service) -> None:
    service.seconds = 0.02
    verifier, dice = service.verifier(), random.Random(5)  # noqa: S311 - no secret
    for turn in range(20):
        tasks = [asyncio.create_task(verifier.verify(CANARY)) for _ in range(100)]
        await asyncio.sleep(0.005)
        victims = {tasks[0], *dice.sample(tasks, 50)}
        for task in victims:
            task.cancel()
        assert all(await asyncio.gather(*(task for task in tasks if task not in victims)))
        await asyncio.gather(*victims, return_exceptions=True)
        assert len(service.sent) == turn + 1
        service.clock.at += 61


def test_threads_share_an_exchange_and_survive_a_dying_loop(service: Service) -> None:
    service.seconds = 30
    verifier = service.verifier()
    results: list[Verification] = []

    async def die() -> None:
        task = asyncio.create_task(verifier.verify(CANARY))
        await asyncio.sleep(0.1)
        assert not task.done()
        service.seconds = 0.3

    async def ask() -> None:
        results.extend(await asyncio.gather(*(verifier.verify(CANARY) for _ in range(50))))

    doomed = threading.Thread(target=lambda: asyncio.run(die()))
    doomed.start()
    while not service.sent:
        threading.Event().wait(0.005)
    threads = [threading.Thread(target=lambda: asyncio.run(ask())) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in [doomed, *threads]:
        thread.join(30)
    assert len(results) == 300
    assert all(results)
    assert len(service.sent) == 2


def test_stress_of_threads_and_cancellation(service: Service) -> None:
    service.seconds = 0.002
    verifier = service.verifier()
    wrong: list[object] = []

    async def ask(seed: int) -> None:
        dice = random.Random(seed)  # noqa: S311 - no secret
        for _ in range(40):
            keys = [dice.choice([f"Kgood{dice.randrange(5):020}", junk(dice.randrange(5))])
                    for _ in range(30)]  # fmt: skip
            tasks = [asyncio.create_task(verifier.verify(key)) for key in keys]
            await asyncio.sleep(dice.random() * 0.004)
            for task in dice.sample(tasks, 10):
                task.cancel()
            outcomes = await asyncio.gather(*tasks, return_exceptions=True)
            for key, outcome in zip(keys, outcomes, strict=True):
                expected = {"Kgood": {"valid"}, "Kjunk": {"refused", "rate_limited"}}[key[:5]]
                if isinstance(outcome, Verification):
                    wrong.extend({outcome.reason} - expected)
                elif not isinstance(outcome, asyncio.CancelledError):
                    wrong.append(outcome)
            service.clock.at += dice.random() * 20

    threads = [
        threading.Thread(target=lambda seed=seed: asyncio.run(ask(seed))) for seed in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    assert wrong == []
    assert 10 <= len(service.sent) < 4 * 40 * 10
    gc.collect()
    assert not verifier._known._flights  # noqa: SLF001 - what would grow without a bound


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_a_forked_child_keeps_answers_and_starts_clean(service: Service) -> None:
    verifier = service.verifier()
    assert asyncio.run(verifier.verify(CANARY))
    service.seconds = 0.3

    def child(pipe: Any) -> None:
        asyncio._set_running_loop(None)  # noqa: SLF001 - nothing public leaves a loop that still runs
        known = verifier.verify_nowait(CANARY)
        pipe.send((known, asyncio.run(verifier.verify(junk(1))).reason))

    async def fork_in_flight() -> tuple[Verification | None, str]:
        asking = asyncio.create_task(verifier.verify(junk(1)))
        await until(lambda: len(service.sent) == 2)
        ours, theirs = multiprocessing.Pipe()
        with verifier._known._lock.held:  # noqa: SLF001 - as if another thread were at it
            process = multiprocessing.get_context("fork").Process(target=child, args=(theirs,))
            process.start()
        try:
            assert await asyncio.to_thread(ours.poll, 30)
            found: tuple[Verification | None, str] = ours.recv()
        finally:
            await asyncio.to_thread(process.join, 30)
        await asking
        return found

    known, reason = asyncio.run(fork_in_flight())
    assert known == verifier.verify_nowait(CANARY)
    assert known
    assert reason == "refused"


async def test_the_key_is_held_only_while_it_is_sent(service: Service) -> None:
    def holders() -> int:
        gc.collect()
        secrets = [each for each in gc.get_objects() if type(each) is Secret]
        return sum(each.reveal() == CANARY for each in secrets)

    verifier = service.verifier()
    assert await verifier.verify(CANARY)
    await asyncio.sleep(0)
    assert holders() == 0
    service.failure = lambda: ConnectionFailed("the service is down")
    service.clock.at = 10
    service.seconds = 0.05
    assert await verifier.verify(CANARY)
    assert holders() > 0
    await until(lambda: verifier.verify_nowait(CANARY) is not None)
    await until(lambda: not [t for t in asyncio.all_tasks() if "_carry_out" in repr(t)])
    assert holders() == 0
    known = verifier._known  # noqa: SLF001 - everything that could hold a key
    shown = repr([verifier, vars(verifier), known, vars(known)])
    assert CANARY not in shown
    with pytest.raises((TypeError, AttributeError, pickle.PicklingError)):
        pickle.dumps(verifier)


async def test_results_can_be_pickled(service: Service) -> None:
    verifier = service.verifier()
    for key in (CANARY, junk(1), None):
        result = await verifier.verify(key)
        again = pickle.loads(pickle.dumps(result))  # noqa: S301 - our own
        assert again == result
        assert CANARY.encode() not in pickle.dumps(result)
        assert "jwt='" not in repr(result)


async def test_no_interrupted_call_shows_the_key(servers: type[Servers]) -> None:
    async with (
        servers.running(servers.silence) as server,
        DescopeClient("P1", base_url=server.base_url) as client,
    ):
        asking = asyncio.create_task(client.access_key_verifier().verify(CANARY))
        await until(lambda: bool(server.received))
        asking.cancel()
        with pytest.raises(asyncio.CancelledError) as caught:
            await asking
    frames = [frame for frame, _ in traceback.walk_tb(caught.value.__traceback__)]
    inside = [frame for frame in frames if frame.f_code.co_filename != __file__]
    assert any("verifier" in frame.f_code.co_filename for frame in inside)
    assert CANARY not in repr([frame.f_locals for frame in inside])
