"""Rounds: the contenders run in turn, again and again, so that a busy moment meets them all."""

from __future__ import annotations

import asyncio
import gc
import math
import sys
import time
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Mapping
from concurrent.futures import Executor
from random import Random
from typing import Final

from attrs import Factory, frozen

from .answers import Signer
from .servers import Server

_SLOW: Final = 0.99


@frozen
class Run:
    """What some calls took together.

    Attributes:
        seconds: From the first call's start to the last one's end.
        processor: Seconds of processor time that this process took, on all of its threads.
        latencies: Seconds of each call.
    """

    seconds: float
    processor: float
    latencies: list[float]

    @property
    def p99(self) -> float:
        """How long 99 of 100 calls took at most, in seconds."""
        ordered = sorted(self.latencies)
        return ordered[math.ceil(len(ordered) * _SLOW) - 1]


#: Makes so many calls.
Timed = Callable[[int], Run]


@frozen
class Setting:
    """What a row is measured with.

    Attributes:
        server: The server.
        signer: Whose tokens it hands out.
        answers: What it answers, by path.
        keys: How many keys a search finds.
        rounds: How often each contender runs.
        seconds: How long a run should take.
        is_quick: Whether to measure as little as possible: to see that it works, not how fast.
    """

    server: Server
    signer: Signer
    answers: Mapping[str, bytes]
    keys: int
    rounds: int
    seconds: float
    is_quick: bool

    def orders(self, contenders: Iterable[str]) -> Iterator[list[str]]:
        """For each round the order in which the contenders run: shuffled, and alike in each run."""
        names, chance = list(contenders), Random(0)  # noqa: S311 - no secret
        for _ in range(self.rounds):
            chance.shuffle(names)
            yield list(names)


@frozen
class Taken:
    """What the calls of each contender took, one value for each round.

    Attributes:
        seconds: For each call, all calls of a round being made as they are made.
        processor: Seconds of the client's processor time for each call.
        p99: How long 99 of 100 calls took at most, in seconds.
    """

    seconds: dict[str, list[float]] = Factory(dict[str, list[float]])
    processor: dict[str, list[float]] = Factory(dict[str, list[float]])
    p99: dict[str, list[float]] = Factory(dict[str, list[float]])

    def add(self, name: str, run: Run) -> None:
        """Add a round of one contender."""
        calls = len(run.latencies)
        self.seconds.setdefault(name, []).append(run.seconds / calls)
        self.processor.setdefault(name, []).append(run.processor / calls)
        self.p99.setdefault(name, []).append(run.p99)

    def forget(self, name: str) -> None:
        """Drop the rounds of one contender."""
        for taken in (self.seconds, self.processor, self.p99):
            taken.pop(name, None)

    def of(self, **roles: str) -> Taken:
        """The same of some contenders, under the names of their roles in a line."""
        return Taken(
            *(
                {role: taken[who] for role, who in roles.items()}
                for taken in (self.seconds, self.processor, self.p99)
            )
        )


def in_rounds(
    setting: Setting, contenders: Iterable[str], measure: Callable[[str], float]
) -> dict[str, list[float]]:
    """What is measured of each contender, one value for each round.

    Args:
        setting: How many rounds.
        contenders: Their names.
        measure: Measures one of them once.
    """
    found: dict[str, list[float]] = {who: [] for who in contenders}
    for order in setting.orders(found):
        for who in order:
            found[who].append(measure(who))
    return found


def in_turn(
    setting: Setting,
    contenders: Mapping[str, Timed],
    step: int = 1,
    *,
    may_fail: Collection[str] = (),
) -> Taken:
    """What a call takes.

    Args:
        setting: How long and how often.
        contenders: What to run, by name.
        step: The number of calls is a multiple of this.
        may_fail: Those that are left out when they raise, as some do with very many calls at once.
    """
    sizes: dict[str, int] = {}
    taken, failed = Taken(), set[str]()

    def run(name: str, calls: int) -> Run | None:
        try:
            return contenders[name](calls)
        except Exception as error:
            if name not in may_fail:
                raise
            print(f" ({name} fails: {type(error).__name__})", end="", file=sys.stderr, flush=True)
            failed.add(name)
            taken.forget(name)
            return None

    for name in contenders:
        first = run(name, step)  # opens connections and fills caches
        if first and not setting.is_quick:
            first = run(name, step)
        sizes[name] = step * max(1, round(setting.seconds / first.seconds)) if first else 0
    for order in setting.orders(contenders):
        for name in order:
            if name not in failed:
                gc.collect()
                if found := run(name, sizes[name]):
                    taken.add(name, found)
    return taken


def awaited(runner: asyncio.Runner, call: Callable[[], Awaitable[object]], at_once: int) -> Timed:
    """Makes calls in so many tasks at once."""

    async def run(calls: int) -> Run:
        latencies: list[float] = []

        async def work() -> None:
            for _ in range(calls // at_once):
                begun = time.perf_counter()
                await call()
                latencies.append(time.perf_counter() - begun)

        processor, start = time.process_time(), time.perf_counter()
        await asyncio.gather(*(work() for _ in range(at_once)))
        taken = time.perf_counter() - start
        return Run(taken, time.process_time() - processor, latencies)

    return lambda calls: runner.run(run(calls))


def blocking(call: Callable[[], object]) -> Timed:
    """Makes calls one after the other."""

    def run(calls: int) -> Run:
        latencies: list[float] = []
        processor, start = time.process_time(), time.perf_counter()
        for _ in range(calls):
            begun = time.perf_counter()
            call()
            latencies.append(time.perf_counter() - begun)
        taken = time.perf_counter() - start
        return Run(taken, time.process_time() - processor, latencies)

    return run


def threaded(pool: Executor, call: Callable[[], object], threads: int) -> Timed:
    """Makes calls in so many threads at once."""

    def run(calls: int) -> Run:
        processor, start = time.process_time(), time.perf_counter()
        working = [pool.submit(blocking(call), calls // threads) for _ in range(threads)]
        runs = [each.result() for each in working]
        taken = time.perf_counter() - start
        latencies = [latency for each in runs for latency in each.latencies]
        return Run(taken, time.process_time() - processor, latencies)

    return run
