"""Rounds: the contenders run in turn, again and again, so that a busy moment meets them all."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import Executor

from attrs import frozen

from .answers import Signer
from .servers import Server

#: Makes so many calls, and returns how many seconds they took together.
Timed = Callable[[int], float]


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


def in_turn(
    setting: Setting, contenders: Mapping[str, Timed], step: int = 1
) -> dict[str, list[float]]:
    """Seconds per call, one value for each round.

    Args:
        setting: How long and how often.
        contenders: What to run, by name.
        step: The number of calls is a multiple of this.
    """
    sizes: dict[str, int] = {}
    for name, run in contenders.items():
        if not setting.is_quick:
            run(step)  # connections and caches
        sizes[name] = step * max(1, round(setting.seconds / run(step)))
    taken: dict[str, list[float]] = {name: [] for name in contenders}
    for number in range(setting.rounds):
        order = list(contenders) if number % 2 == 0 else list(contenders)[::-1]
        for name in order:
            gc.collect()
            taken[name].append(contenders[name](sizes[name]) / sizes[name])
    return taken


def awaited(runner: asyncio.Runner, call: Callable[[], Awaitable[object]], at_once: int) -> Timed:
    """Makes calls in so many tasks at once."""

    async def run(calls: int) -> float:
        async def work() -> None:
            for _ in range(calls // at_once):
                await call()

        start = time.perf_counter()
        await asyncio.gather(*(work() for _ in range(at_once)))
        return time.perf_counter() - start

    return lambda calls: runner.run(run(calls))


def blocking(call: Callable[[], object]) -> Timed:
    """Makes calls one after the other."""

    def run(calls: int) -> float:
        start = time.perf_counter()
        for _ in range(calls):
            call()
        return time.perf_counter() - start

    return run


def threaded(pool: Executor, call: Callable[[], object], threads: int) -> Timed:
    """Makes calls in so many threads at once."""

    def run(calls: int) -> float:
        start = time.perf_counter()
        for done in [pool.submit(blocking(call), calls // threads) for _ in range(threads)]:
            done.result()
        return time.perf_counter() - start

    return run
