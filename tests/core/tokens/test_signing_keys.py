from __future__ import annotations

import asyncio
import gc
import json
import threading
import weakref
from functools import partial

import pytest

from descope_async import (
    ClientClosed,
    ConnectionFailed,
    KeySetUnavailable,
    NotFound,
    UnknownKey,
)
from descope_async._tokens.key_set import FetchedKeys
from descope_async._tokens.pinned_keys import PinnedKeys
from descope_async._tokens.signing_keys import SigningKeys
from descope_async._values.secret import Secret
from tests.core.tokens.publishing import WEAK, Service, document

HOUR = 3600.0
DAY = 24 * HOUR


async def test_keys_are_fetched_once_and_then_known() -> None:
    service = Service("k1", "k2")
    assert service.cache.key_nowait("k1", "ES256") is None
    assert (await service.cache.key("k1", "ES256")).kid == "k1"
    assert (await service.cache.key("k2", "ES256")).kid == "k2"
    warm = service.cache.key_nowait("k2", "ES256")
    assert warm is not None
    assert warm is await service.cache.key("k2", "ES256")
    assert service.fetches == 1


async def test_stale_keys_serve_while_new_ones_come() -> None:
    service = Service("k1")
    await service.cache.key("k1", "ES256")
    service.clock.elapsed += 539
    await service.cache.key("k1", "ES256")
    assert service.fetches == 1
    service.rotate("k1", "k2")
    service.seconds = 0.05
    service.clock.elapsed += 122
    assert service.cache.key_nowait("k1", "ES256") is None
    for _ in range(5):
        assert (await service.cache.key("k1", "ES256")).kid == "k1"
    await asyncio.sleep(0)
    assert service.cache.key_nowait("k2", "ES256") is None
    await service.settle()
    assert service.cache.key_nowait("k2", "ES256") is not None
    assert service.fetches == 2


async def test_a_revoked_key_is_gone_after_the_next_refresh() -> None:
    service = Service("k1", "k2")
    await service.cache.key("k1", "ES256")
    service.rotate("k2")
    await service.cache.refresh()
    assert service.fetches == 2
    with pytest.raises(UnknownKey):
        await service.cache.key("k1", "ES256")


async def test_a_daily_rotation_goes_unnoticed() -> None:
    service = Service("k1")
    await service.cache.key("k1", "ES256")
    service.rotate("k1", "k2")
    assert (await service.cache.key("k2", "ES256")).kid == "k2"
    assert service.fetches == 2


@pytest.mark.parametrize(
    ("header", "fresh_for"),
    [
        ("", 600),
        ("no-store", 600),
        ("public, max-age=3600", 3600),
        ("Max-Age = 3600", 3600),
        ('max-age="3600"', 3600),
        ("max-age=0", 60),
        ("max-age=1", 60),
        ("max-age=9999999999", DAY),
        ("s-maxage=10", 600),
        ("max-age=-5", 600),
        ("max-age=" + "9" * 30, DAY),
        ("max-age=x", 600),
        ("\x00\xff", 600),
    ],
)
async def test_cache_control_is_honoured_within_bounds(header: str, fresh_for: float) -> None:
    service = Service("k1")
    service.answer = FetchedKeys(document("k1"), header)
    await service.cache.key("k1", "ES256")
    service.clock.elapsed += 0.89 * fresh_for
    assert service.cache.key_nowait("k1", "ES256") is not None
    service.clock.elapsed += 0.22 * fresh_for
    assert service.cache.key_nowait("k1", "ES256") is None


async def test_an_outage_is_bridged_for_a_day_and_then_admitted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    service = Service("k1")
    await service.cache.key("k1", "ES256")
    service.failure = ConnectionFailed("refused")
    service.clock.elapsed += HOUR
    for _ in range(20):
        assert (await service.cache.key("k1", "ES256")).kid == "k1"
        await service.settle()
    assert service.fetches == 2
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    for _ in range(10):
        service.clock.elapsed += HOUR
        await service.cache.key("k1", "ES256")
        await service.settle()
    assert service.fetches == 12
    service.clock.elapsed += 14 * HOUR
    with pytest.raises(KeySetUnavailable) as refusal:
        await service.cache.key("k1", "ES256")
    assert isinstance(refusal.value.__cause__, ConnectionFailed)
    service.failure = None
    service.clock.elapsed += 30
    assert (await service.cache.key("k1", "ES256")).kid == "k1"


@pytest.mark.parametrize(
    "body",
    [b"", b"{}", b'{"keys":[]}', b'{"keys":{}}', b"[]", json.dumps({"keys": [WEAK]}).encode()],
)
async def test_a_useless_answer_does_not_replace_the_keys(body: bytes) -> None:
    service = Service("k1")
    await service.cache.key("k1", "ES256")
    service.answer = FetchedKeys(body)
    with pytest.raises(KeySetUnavailable):
        await service.cache.refresh()
    assert service.cache.key_nowait("k1", "ES256") is not None


async def test_a_cold_start_in_an_outage_does_not_hammer() -> None:
    service = Service("k1")
    service.failure = NotFound("no such project", status_code=404, request_id="r1")
    for _ in range(50):
        with pytest.raises(KeySetUnavailable) as refusal:
            await service.cache.key("k1", "ES256")
    assert service.fetches == 1
    assert refusal.value.retry_after == pytest.approx(1)
    fetches: list[int] = []
    for pause in (1, 2, 4, 8, 16, 30, 30):
        for seconds in (pause - 0.5, 0.5):
            service.clock.elapsed += seconds
            with pytest.raises(KeySetUnavailable):
                await service.cache.key("k1", "ES256")
            fetches.append(service.fetches)
    assert fetches == [1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8]
    service.failure = None
    service.clock.elapsed += 30
    assert (await service.cache.key("k1", "ES256")).kid == "k1"


async def test_a_failure_says_what_the_service_said() -> None:
    service = Service("k1")
    service.failure = NotFound("no such project", status_code=404, request_id="r1")
    with pytest.raises(KeySetUnavailable) as refusal:
        await service.cache.key("k1", "ES256")
    assert (refusal.value.status_code, refusal.value.request_id) == (404, "r1")
    assert refusal.value.operation == "key_set"


async def test_a_flood_of_unknown_kids_causes_a_handful_of_fetches() -> None:
    service = Service("k1")
    service.seconds = 0.01
    await service.cache.key("k1", "ES256")
    for flood in range(20):
        outcomes = await asyncio.gather(
            *(service.cache.key(f"made-up-{flood}-{n}", "ES256") for n in range(200)),
            return_exceptions=True,
        )
        assert {type(outcome) for outcome in outcomes} == {UnknownKey}
        assert service.cache.key_nowait("k1", "ES256") is not None
    assert service.fetches == 1 + 3
    service.clock.elapsed += 29
    with pytest.raises(UnknownKey):
        await service.cache.key("x", "ES256")
    assert service.fetches == 4
    service.clock.elapsed += 1.1
    with pytest.raises(UnknownKey):
        await service.cache.key("x", "ES256")
    assert service.fetches == 5
    service.clock.elapsed += HOUR
    await service.cache.key("k1", "ES256")
    await service.settle()
    for n in range(10):
        with pytest.raises(UnknownKey):
            await service.cache.key(f"y{n}", "ES256")
    assert service.fetches == 6 + 3


async def test_failing_searches_count_and_say_that_nothing_is_known() -> None:
    service = Service("k1")
    await service.cache.key("k1", "ES256")
    service.failure = ConnectionFailed("refused")
    for _ in range(10):
        with pytest.raises(KeySetUnavailable):
            await service.cache.key("new", "ES256")
        assert (await service.cache.key("k1", "ES256")).kid == "k1"
    assert service.fetches == 1 + 3


async def test_a_fetch_that_began_too_early_is_no_answer() -> None:
    service = Service("k1")
    await service.cache.key("k1", "ES256")
    service.seconds = 0.05
    early = asyncio.create_task(service.cache.refresh())
    await asyncio.sleep(0.01)
    service.rotate("k1", "k2")
    assert (await service.cache.key("k2", "ES256")).kid == "k2"
    await early
    assert service.fetches == 3


async def test_cold_askers_share_one_fetch_and_may_be_cancelled() -> None:
    service = Service("k1")
    service.held_up = asyncio.Event()
    tasks = [asyncio.create_task(service.cache.key("k1", "ES256")) for _ in range(1_000)]
    await asyncio.sleep(0.01)
    for task in tasks[::3]:
        task.cancel()
    service.held_up.set()
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert sum(isinstance(outcome, asyncio.CancelledError) for outcome in outcomes) == 334
    assert service.fetches == 1


async def test_a_closed_client_is_said_to_be_closed() -> None:
    service = Service("k1")
    service.failure = ClientClosed("the client is closed")
    with pytest.raises(ClientClosed):
        await service.cache.key("k1", "ES256")


async def test_closing_stops_a_fetch_in_the_background() -> None:
    service = Service("k1")
    await service.cache.key("k1", "ES256")
    service.seconds = 60
    service.clock.elapsed += HOUR
    await service.cache.key("k1", "ES256")
    await asyncio.sleep(0)
    await service.cache.aclose()
    assert service.fetches == 2


def test_a_loop_that_ends_during_a_refresh_leaves_no_noise(
    capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    service = Service("k1")

    async def use() -> None:
        await service.cache.key("k1", "ES256")
        service.seconds = 60
        service.clock.elapsed += HOUR
        await service.cache.key("k1", "ES256")
        await asyncio.sleep(0)

    asyncio.run(use())
    gc.collect()
    assert capfd.readouterr() == ("", "")
    assert not caplog.records
    asyncio.run(use())
    assert service.fetches == 3


def test_threads_share_the_keys_and_the_fetches() -> None:
    service = Service("k1")
    service.seconds = 0.1
    found: list[object] = []
    together = threading.Barrier(6)

    async def ask(thread: int) -> None:
        together.wait(30)
        for turn in range(5):
            found.extend(
                await asyncio.gather(*(service.cache.key("k1", "ES256") for _ in range(50)))
            )
            with pytest.raises(UnknownKey):
                await service.cache.key(f"made-up-{thread}-{turn}", "ES256")

    threads = [threading.Thread(target=partial(lambda n: asyncio.run(ask(n)), n)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive()
    assert len(found) == 6 * 5 * 50
    assert service.fetches <= 1 + 3


def test_a_forgotten_cache_is_freed_at_once() -> None:
    service = Service("k1")
    cache = SigningKeys(Service("k1").fetch, service.clock)
    asyncio.run(_use(cache))
    freed = weakref.ref(cache)
    gc.disable()
    try:
        del cache
        assert freed() is None
    finally:
        gc.enable()


async def _use(cache: SigningKeys) -> None:
    await cache.key("k1", "ES256")


async def test_pinned_keys_are_the_only_ones() -> None:
    pinned = PinnedKeys.parse(Secret(document("k1").decode()))
    assert (await pinned.key("k1", "ES256")).kid == "k1"
    assert pinned.has(pinned.key_nowait("k1", "ES256"))
    with pytest.raises(UnknownKey):
        pinned.key_nowait("k2", "ES256")
    with pytest.raises(UnknownKey):
        await pinned.key("k2", "ES256")


def seeded(service: Service, *kids: str) -> SigningKeys:
    return SigningKeys(service.fetch, service.clock, seed=Secret(document(*kids).decode()))


async def test_a_seed_serves_for_a_day_while_the_service_is_away() -> None:
    service = Service()
    service.failure = ConnectionFailed("gone")
    cache = seeded(service, "k1")
    assert cache.export() == document("k1").decode()
    assert cache.key_nowait("k1", "ES256") is None  # it may be old, so new ones are wanted
    service.clock.elapsed += DAY - 1
    assert (await cache.key("k1", "ES256")).kid == "k1"
    await service.settle()
    assert service.fetches == 1
    service.clock.elapsed += 60
    with pytest.raises(KeySetUnavailable):
        await cache.key("k1", "ES256")


async def test_a_seed_gives_way_to_what_is_fetched() -> None:
    service = Service("k2")
    cache = seeded(service, "k1")
    assert (await cache.key("k1", "ES256")).kid == "k1"
    await service.settle()
    assert cache.export() == document("k2").decode()
    assert cache.key_nowait("k2", "ES256")
    with pytest.raises(UnknownKey):
        await cache.key("k1", "ES256")


async def test_a_key_that_is_not_in_the_seed_is_looked_for() -> None:
    service = Service("k1", "k2")
    cache = seeded(service, "k1")
    assert (await cache.key("k2", "ES256")).kid == "k2"
    assert service.fetches == 1
