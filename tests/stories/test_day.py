"""A day of a machine client and a service that checks its tokens, on one virtual clock.

Both are real and talk to a real emulator over sockets; only the event loop's time is made up. It
stands still while anything happens, and jumps to the next timer when nothing does, so that every
timeout, backoff and window of the packages goes by it.
"""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import random
import selectors
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import anyio.to_thread
import pytest

from descope_async import (
    DescopeClient,
    DescopeError,
    KeySetUnavailable,
    TokenSource,
    UnknownKey,
)
from descope_async.emulator import Emulator, Fault
from descope_async.events import CallEnded, CallStarted, Event, TokenRenewed
from descope_async.testing import Clock

DAY = 86_400
#: Seconds of real time for the kernel and other threads to bring what is on its way.
ON_ITS_WAY = 0.002


class JumpingSelector(selectors.DefaultSelector):
    """Waits for events, but not for time."""

    def __init__(self) -> None:
        super().__init__()
        self.time = 0.0
        self.jumped: Callable[[float], object] = lambda _: None
        self.is_busy: Callable[[], bool] = lambda: True
        self.threads: Callable[[], int] = lambda: 0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None or timeout <= 0:
            return super().select(timeout)
        while self.threads():
            if events := super().select(ON_ITS_WAY):
                return events
        events = super().select(ON_ITS_WAY if self.is_busy() else 0)
        if not events:
            self.time += timeout
            self.jumped(timeout)
        return events


class JumpingLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self.selector = JumpingSelector()
        super().__init__(self.selector)

    def time(self) -> float:
        return self.selector.time


class OnThisLoop:
    """In place of an emulator's thread: it serves on the loop that starts it, whose time is made up."""

    def __init__(self, life: Callable[[], AbstractAsyncContextManager[Any]]) -> None:
        self._life = life()
        self._entered: Any = None
        self.has_ended = False

    async def start(self) -> Any:
        self._entered = await self._life.__aenter__()
        return self._entered

    async def run(self, work: Callable[[Any], Awaitable[Any]]) -> Any:
        return await work(self._entered)

    async def stop(self) -> None:
        self.has_ended = True
        await self._life.__aexit__(None, None, None)


class LoopClock(Clock):
    """The loop's time, in which a client also sleeps, and the date of the emulator."""

    def __init__(self, loop: JumpingLoop, emulator: Emulator, seed: int) -> None:
        self._loop = loop
        self._emulator = emulator
        self._random = random.Random(seed)  # noqa: S311 - the jitter

    def now(self) -> float:
        return self._emulator.clock.now()

    def running(self) -> float:
        return self._loop.time()

    def draw(self, low: float, high: float) -> float:
        return self._random.uniform(low, high)


def life_of(token: str) -> float:
    payload = token.split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
    return float(claims["exp"] - claims["iat"])


class World:
    """The service, its client, who receives the client's tokens, and what goes wrong.

    Attributes:
        life: Seconds that a token lives.
        trouble_ends: When the last trouble was over, and what it made wait for; infinity during one.
        limits: When requests were refused with 429, from and to, and for how long.
        revoked_at: When the signing keys were revoked.
        asked: When each token was asked for.
        asked_at: When the last token was asked for.
        current: The token that the machine uses; None for none.
        ends: When each token ends.
        known: The signing keys that the receiver has accepted a token of.
        happened: How often what happened.
    """

    def __init__(self, seed: int, life: int, emulator: Emulator, key_file: Path) -> None:
        self.random = random.Random(seed)  # noqa: S311 - chooses what goes wrong
        self.life = life
        self.emulator = emulator
        self.key_file = key_file
        loop = asyncio.get_running_loop()
        assert isinstance(loop, JumpingLoop)
        self.selector = loop.selector
        self.clock = LoopClock(loop, emulator, seed)
        self.in_flight = 0
        self.asked_at = 0.0
        self.current: str | None = None
        self.selector.jumped = emulator.clock.advance
        self.selector.is_busy = lambda: self.in_flight > 0
        limiter = anyio.to_thread.current_default_thread_limiter()
        self.selector.threads = lambda: limiter.borrowed_tokens
        self.trouble_ends = 0.0
        self.revoked_at = float("inf")
        self.asked: dict[str, float] = {}
        self.ends: dict[str, float] = {}
        self.limits: list[tuple[float, float, float]] = []
        self.known: set[str] = set()
        self.happened = Counter[str]()

    @property
    def time(self) -> float:
        return self.selector.time

    def client(self, *args: Any, **kwargs: Any) -> DescopeClient:
        """A client, whose requests let time pass only when they wait for it."""
        return DescopeClient(
            self.emulator.project_id,
            *args,
            base_url=self.emulator.base_url,
            clock=self.clock,
            hooks=[self.note],
            **kwargs,
        )

    def note(self, event: Event) -> None:
        if isinstance(event, CallStarted):
            self.in_flight += 1
        elif isinstance(event, CallEnded):
            self.in_flight -= 1
        elif isinstance(event, TokenRenewed) and event.outcome == "done":
            self.asked_at = self.time - event.duration

    async def call(self, source: TokenSource, receiver: DescopeClient) -> bool:
        """Ask for a token and show it to the receiver; whether there was one."""
        try:
            token = await source.token()
        except DescopeError as error:
            self.happened[f"no token: {type(error).__name__}"] += 1
            usable = self.current is not None and self.time < self.ends[self.current]
            assert not usable, "refused, with a usable token"
            # The longest pause without a token, and a last attempt that was under way.
            assert self.time <= self.trouble_ends + 5 + 15, "refused, though nothing is wrong"
            return False
        self.happened["token"] += 1
        self.current = token
        if token not in self.ends:
            self.asked[token] = self.asked_at
            self.ends[token] = self.asked_at + life_of(token)
        assert self.time < self.ends[token], "served past its end"
        header = token.partition(".")[0]  # with the same key, it is the same
        try:
            await receiver.validate_session(token)
        except (UnknownKey, KeySetUnavailable) as error:
            self.happened[f"no access: {type(error).__name__}"] += 1
            if self.asked[token] <= self.revoked_at <= self.time:
                source.invalidate(token)
                self.current = None
                return True
            assert header not in self.known, "a key that is known cannot be unavailable"
            # A new key may be looked for every 30 s, and somebody must ask.
            assert self.time <= self.trouble_ends + 30 + 15, "the key is there to be fetched"
        else:
            self.happened["access"] += 1
            self.known.add(header)
        return True

    async def caller(self, source: TokenSource, receiver: DescopeClient) -> None:
        wait = 15.0
        while True:
            await asyncio.sleep(self.random.uniform(1, wait))
            wait = 15 if await self.call(source, receiver) else 2

    async def trouble(self) -> None:
        """One thing after another goes wrong for a while."""
        draw, faults = self.random, self.emulator.faults
        kinds = ["outage", "status", "asked", "not asked", "slow", "silent", "cut"]
        for kind in itertools.cycle(draw.sample(kinds, len(kinds))):
            await asyncio.sleep(draw.expovariate(1 / 1_500))
            length, after = draw.choice((5.0, 60.0, 240.0, 1_000.0)) * draw.uniform(0.5, 1), 0.0
            self.trouble_ends = float("inf")
            if kind == "outage":
                async with self.emulator.refusing_connections():
                    await asyncio.sleep(length)
            else:
                seconds = draw.randint(1, 40)
                if kind in {"asked", "not asked"}:
                    after = 1.1 * (seconds if kind == "asked" else 10)
                faults_by_kind: dict[str, dict[str, Any]] = {
                    "status": {"effect": "status", "status": draw.choice((500, 502, 503, 520))},
                    "asked": {"effect": "rate_limit", "retry_after": seconds},
                    "not asked": {"effect": "rate_limit"},
                    "slow": {"effect": "delay", "seconds": draw.uniform(0.5, 9)},
                    "silent": {"effect": "stall"},
                    "cut": {"effect": draw.choice(("reset", "close", "truncate", "garbage"))},
                }
                fault = faults_by_kind[kind]
                for operation in ("exchange", "key_set"):
                    faults.add(Fault(operation=operation, probability=0.9, seed=1, **fault))
                began = self.emulator.clock.now()
                await asyncio.sleep(length)
                faults.clear()
                if after:
                    self.limits.append((began, self.emulator.clock.now(), after / 1.1))
            self.trouble_ends = self.time + after

    async def rotate_access_keys(self, manager: DescopeClient, key_id: str) -> None:
        """Rotate the access key now and then, and write the new secret a little later."""
        while True:
            await asyncio.sleep(self.random.uniform(3_000, 6_000))
            await self.calm()
            rotated = await manager.mgmt.access_key.rotate(key_id)
            await asyncio.sleep(self.random.uniform(0, min(self.life / 10, 60)))
            self.key_file.write_text(rotated.cleartext)
            self.happened["access key rotated"] += 1

    async def skew(self) -> None:
        while True:
            await asyncio.sleep(self.random.uniform(100, 2_000))
            self.emulator.clock.skew_tokens(self.random.randint(-4, 4))

    async def revoke(self, manager: DescopeClient, receiver: DescopeClient) -> None:
        """Revoke the signing keys once; a token that would outlive that must not."""
        await asyncio.sleep(self.random.uniform(0.3, 0.6) * DAY)
        await self.calm()
        key = await manager.mgmt.access_key.create("probe")
        await self.emulator.set_token_lifetime(DAY)
        probe = (await manager.exchange_access_key(key.cleartext)).jwt
        await self.emulator.set_token_lifetime(self.life)
        await receiver.validate_session(probe)
        await self.emulator.rotate_and_revoke_signing_keys()
        self.revoked_at = self.time
        due = self.time + 660 + 5
        while True:
            await asyncio.sleep(3)
            try:
                await receiver.validate_session(probe)
            except (UnknownKey, KeySetUnavailable):
                break
            assert self.time <= max(due, self.trouble_ends + 35), "a revoked key still serves"
        self.happened["revoked"] += 1
        while True:
            with pytest.raises((UnknownKey, KeySetUnavailable)):
                await receiver.validate_session(probe)
            await asyncio.sleep(300)

    async def calm(self) -> None:
        while self.time < self.trouble_ends + 60:  # noqa: ASYNC110 - it takes no time
            await asyncio.sleep(10)


async def live(seed: int, life: int, key_file: Path) -> World:
    async with Emulator(
        signing_algorithm="ES256", key_rotation=3_600, token_lifetime=life
    ) as emulator:
        emulator.clock.freeze()
        world = World(seed, life, emulator, key_file)
        async with (
            world.client(emulator.management_key) as manager,
            world.client() as machine,
            world.client() as receiver,
        ):
            created = await manager.mgmt.access_key.create("machine")
            key_file.write_text(created.cleartext)  # noqa: ASYNC240 - it takes no time
            source = machine.token_source(key_file)
            async with asyncio.TaskGroup() as group:
                actors = [
                    *[group.create_task(world.caller(source, receiver)) for _ in range(2)],
                    group.create_task(world.trouble()),
                    group.create_task(world.rotate_access_keys(manager, created.key.id)),
                    group.create_task(world.skew()),
                    group.create_task(world.revoke(manager, receiver)),
                ]
                await asyncio.sleep(DAY)
                for actor in actors:
                    actor.cancel()
    return world


@pytest.mark.parametrize(("seed", "life"), [(1, 600), (2, 180), (3, 3_600)])
def test_a_day(seed: int, life: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "descope_async.emulator._serving.life.ServerThread", OnThisLoop
    )  # it can jump
    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        world = runner.run(live(seed, life, tmp_path / "key"))
    exchanges = world.emulator.requests.matching("exchange")
    assert world.happened["token"] > 15_000
    assert world.happened["access"] > 15_000
    assert world.happened["access key rotated"] > 10
    assert world.happened["revoked"] == 1
    assert len(world.known) > 20
    # A token is renewed when three quarters of its life are over, or when it was revoked.
    assert 0.8 * DAY / life < len(world.ends) < DAY / (0.75 * life) + 2
    for index, each in enumerate(exchanges[:-20]):
        assert exchanges[index + 20].time > each.time + 10, "a burst"
    limited = 0
    for began, ended, asked in world.limits:
        refused = [at for at in exchanges if at.status == 429 and began <= at.time <= ended]
        limited += len(refused)
        for each in refused:
            early = [at for at in exchanges if each.time < at.time < each.time + asked]
            assert early == [], "the service asked to wait"
    assert limited > 3 or life == 3_600, "which is seldom renewed"
