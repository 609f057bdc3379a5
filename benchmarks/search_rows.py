"""Rows about a search that finds many keys, and about many tasks on one cold source."""

from __future__ import annotations

import asyncio
import gc
import json
import sys
import time
import tracemalloc
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Final

from attrs import evolve

from descope_async import DescopeClient
from descope_async._calls import wire

from .answers import ACCESS_KEY, PROJECT, SEARCH
from .bars import Bar, Line, line
from .contenders import asynchronous
from .floors.cold_source import wait_for_one
from .rounds import Setting, awaited, blocking, in_turn

_TASKS: Final = 10_000
_AIOHTTP, _ASYNC = "aiohttp", "official async"


def search(setting: Setting) -> list[Line]:
    """A search that finds many keys: the whole call, and what is done with its body."""
    body = setting.answers[SEARCH]
    with asynchronous(setting.server.plain) as (runner, clients):
        runs = {who: awaited(runner, client.search, 1) for who, client in clients.items()}
        with _without_msgspec():
            whole = in_turn(setting, runs)
            peaks = {who: _peak(runner, client.search) for who, client in clients.items()}
            read = in_turn(
                setting,
                {
                    "ours": awaited(runner, lambda: wire.read(wire.KeysAnswer, body), 1),
                    "floor": blocking(lambda: json.loads(body)),
                },
            )
        quicker = in_turn(setting, runs)
    title = f"search, {setting.keys:,} keys"
    pairs = zip(read.seconds["ours"], read.seconds["floor"], strict=True)
    beyond = tuple(a / b - 1 for a, b in pairs)
    structure = Bar("structure ≤ 3 x json.loads", beyond, 3.0)
    parsed = _size_of_parsed(body)
    memory = Bar("≤ 3 x parsed body", (peaks["ours"] / parsed,), 3.0)
    return [
        line(f"{title}, whole call", whole.seconds, peer=_ASYNC, floor=_AIOHTTP, times_peer=1.7),
        line(
            f"{title}, whole call, with [fast]",
            quicker.seconds,
            peer=_ASYNC,
            floor=_AIOHTTP,
            times_peer=1.4,
        ),
        Line(f"{title}, body to values", read.seconds, {"floor": "json.loads"}, (structure,)),
        Line(
            f"{title}, peak memory",
            {"ours": [peaks["ours"]], "peer": [peaks["peer"]], "floor": [parsed]},
            {"peer": _ASYNC, "floor": "parsed body"},
            (memory,),
            "bytes",
        ),
    ]


@contextmanager
def _without_msgspec() -> Iterator[None]:
    """A process like those that do not have the extra `fast`. It must be installed to be measured.

    Raises:
        SystemExit: It is not.
    """
    names = ("msgspec", "msgspec.json")
    try:
        hidden = {name: import_module(name) for name in names}
    except ImportError:
        raise SystemExit("the search needs an extra: pip install 'descope-async[fast]'") from None
    sys.modules.update(dict.fromkeys(names))  # type: ignore[arg-type]  # None means there is none
    try:
        yield
    finally:
        sys.modules.update(hidden)


def _peak(runner: asyncio.Runner, call: Callable[[], Awaitable[object]]) -> float:
    async def traced() -> float:
        gc.collect()
        tracemalloc.start()
        try:
            await call()
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    return runner.run(traced())


def _size_of_parsed(body: bytes) -> float:
    gc.collect()
    tracemalloc.start()
    try:
        document = json.loads(body)
        size = tracemalloc.get_traced_memory()[0]
        del document
        return size
    finally:
        tracemalloc.stop()


def cold_source(setting: Setting) -> list[Line]:
    """Many tasks ask one token source that has no token yet."""
    tasks = 100 if setting.is_quick else _TASKS
    with asynchronous(setting.server.plain) as (runner, clients):
        exchange = clients["floor"].exchange

        async def ours() -> float:
            async with DescopeClient(PROJECT, base_url=setting.server.plain.url) as client:
                source = client.token_source(ACCESS_KEY)
                start = time.perf_counter()
                await asyncio.gather(*(source.token() for _ in range(tasks)))
                return time.perf_counter() - start

        taken: dict[str, list[float]] = {"ours": [], "floor": []}
        asked: list[float] = []
        runner.run(wait_for_one(exchange, tasks))
        for order in setting.orders(taken):
            for who in order:
                if who == "floor":
                    taken[who].append(runner.run(wait_for_one(exchange, tasks)))
                    continue
                before = setting.server.exchanges()
                taken[who].append(runner.run(ours()))
                asked.append(setting.server.exchanges() - before)
    title = f"{tasks:,} tasks on one cold source"
    made = line(title, taken, floor="1 exchange, 1 event", times_floor=1.2)
    once = Bar("1 exchange", tuple(asked), 1.0)
    return [evolve(made, bars=(*made.bars, once))]
