"""A row about many tasks on one cold source."""

from __future__ import annotations

import asyncio
import time
from typing import Final

from attrs import evolve

from descope_async import DescopeClient

from .answers import ACCESS_KEY, PROJECT
from .bars import Bar, Line, line
from .contenders import asynchronous
from .floors.cold_source import wait_for_one
from .rounds import Setting, in_rounds

_TASKS: Final = 10_000


def cold_source(setting: Setting) -> list[Line]:
    """Many tasks ask one token source that has no token yet."""
    tasks = 100 if setting.is_quick else _TASKS
    asked: list[float] = []

    async def ours() -> float:
        async with DescopeClient(PROJECT, base_url=setting.server.plain.url) as client:
            source = client.token_source(ACCESS_KEY)
            start = time.perf_counter()
            await asyncio.gather(*(source.token() for _ in range(tasks)))
            return time.perf_counter() - start

    with asynchronous(setting.server.plain) as (runner, clients):
        exchange = clients["floor"].exchange

        def run(who: str) -> float:
            if who == "floor":
                return runner.run(wait_for_one(exchange, tasks))
            before = setting.server.exchanges()
            taken = runner.run(ours())
            asked.append(setting.server.exchanges() - before)
            return taken

        runner.run(wait_for_one(exchange, tasks))
        taken = in_rounds(setting, ("ours", "floor"), run)
    title = f"{tasks:,} tasks on one cold source"
    made = line(title, taken, floor="1 exchange, 1 event", times_floor=1.2)
    once = Bar("1 exchange", tuple(asked), 1.0)
    return [evolve(made, bars=(*made.bars, once))]
