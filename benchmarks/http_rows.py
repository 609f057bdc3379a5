"""Rows about calls: load, search, and many at once."""

from __future__ import annotations

import asyncio
import gc
import json
import time
import tracemalloc
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from descope_async import DescopeClient
from descope_async._calls import wire

from .answers import ACCESS_KEY, PROJECT, SEARCH
from .bars import Bar, Line, line
from .contenders import asynchronous, synchronous
from .rounds import Setting, awaited, blocking, in_turn, threaded
from .servers import Site

_THREADS: Final = 16
_CONCURRENCIES: Final = (1, 10, 100, 1_000)
_TASKS: Final = 10_000
_AIOHTTP, _HTTPX = "aiohttp", "httpx.Client"
_ASYNC, _SYNC = "official async", "official sync"


def async_loads(setting: Setting) -> list[Line]:
    """Load, awaited: 50 at once and one after the other."""
    return [
        _async_load(setting, site, name, at_once)
        for site, name in ((setting.server.plain, "plain"), (setting.server.tls, "TLS"))
        for at_once in (50, 1)
    ]


def _async_load(setting: Setting, site: Site, name: str, at_once: int) -> Line:
    with asynchronous(site) as (runner, clients):
        runs = {who: awaited(runner, client.load, at_once) for who, client in clients.items()}
        taken = in_turn(setting, runs, at_once)
    many = at_once > 1
    return line(
        f"async load, {f'{at_once} at once' if many else 'one after the other'}, {name}",
        taken,
        peer=_ASYNC,
        floor=_AIOHTTP,
        times_floor=1.3 if many else 1.35,
        times_ahead=8 if many else None,
    )


def sync_loads(setting: Setting) -> list[Line]:
    """Load, blocking, over TLS: from one thread and from sixteen."""
    with synchronous(setting.server.tls) as calls, ThreadPoolExecutor(_THREADS) as pool:
        one = in_turn(setting, {who: blocking(call) for who, call in calls.items()})
        many = in_turn(
            setting,
            {who: threaded(pool, call, _THREADS) for who, call in calls.items()},
            _THREADS,
        )
    return [
        line(
            "sync load, one thread, TLS",
            one,
            peer=_SYNC,
            floor=_HTTPX,
            times_floor=1.5,
            times_ahead=4,
        ),
        line(f"sync load, {_THREADS} threads, TLS", many, peer=_SYNC, floor=_HTTPX, times_ahead=5),
    ]


def concurrency(setting: Setting) -> list[Line]:
    """Load, awaited, 1 to 1,000 at once."""
    lines: dict[int, Line] = {}
    with asynchronous(setting.server.plain) as (runner, clients):
        for at_once in _CONCURRENCIES:
            runs = {who: awaited(runner, client.load, at_once) for who, client in clients.items()}
            lines[at_once] = line(
                f"load, {at_once:,} at once, plain",
                in_turn(setting, runs, at_once),
                peer=_ASYNC,
                floor=_AIOHTTP,
            )
    best = min(lines.values(), key=lambda made: min(made.samples["ours"]))
    most = lines[_CONCURRENCIES[-1]]
    kept = tuple(a / b for a, b in zip(best.samples["ours"], most.samples["ours"], strict=True))
    bar = Bar("≥ 0.8 of the best throughput", kept, 0.8, at_least=True)
    lines[_CONCURRENCIES[-1]] = Line(most.title, most.samples, most.against, (bar,))
    return list(lines.values())


def search(setting: Setting) -> list[Line]:
    """A search that finds many keys: the whole call, and what is done with its body."""
    body = setting.answers[SEARCH]
    with asynchronous(setting.server.plain) as (runner, clients):
        runs = {who: awaited(runner, client.search, 1) for who, client in clients.items()}
        whole = in_turn(setting, runs)
        peaks = {who: _peak(runner, client.search) for who, client in clients.items()}
        read = in_turn(
            setting,
            {
                "ours": awaited(runner, lambda: wire.read(wire.KeysAnswer, body), 1),
                "floor": blocking(lambda: json.loads(body)),
            },
        )
    title = f"search, {setting.keys:,} keys"
    beyond = tuple(a / b - 1 for a, b in zip(read["ours"], read["floor"], strict=True))
    structure = Bar("structure ≤ 3 x json.loads", beyond, 3.0)
    parsed = _size_of_parsed(body)
    memory = Bar("≤ 3 x parsed body", (peaks["ours"] / parsed,), 3.0)
    return [
        line(f"{title}, whole call", whole, peer=_ASYNC, floor=_AIOHTTP, times_peer=1.7),
        Line(f"{title}, body to values", read, {"floor": "json.loads"}, (structure,)),
        Line(
            f"{title}, peak memory",
            {"ours": [peaks["ours"]], "peer": [peaks["peer"]], "floor": [parsed]},
            {"peer": _ASYNC, "floor": "parsed body"},
            (memory,),
            "bytes",
        ),
    ]


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

        async def floor() -> float:
            # Not one future for all: whoever is cancelled would cancel it for the others.
            exchanged = asyncio.Event()

            start = time.perf_counter()
            waiting = asyncio.gather(*(exchanged.wait() for _ in range(tasks)))
            await exchange()
            exchanged.set()
            await waiting
            return time.perf_counter() - start

        taken: dict[str, list[float]] = {"ours": [], "floor": []}
        asked: list[float] = []
        runner.run(floor())
        for _ in range(setting.rounds):
            taken["floor"].append(runner.run(floor()))
            before = setting.server.exchanges()
            taken["ours"].append(runner.run(ours()))
            asked.append(setting.server.exchanges() - before)
    title = f"{tasks:,} tasks on one cold source"
    made = line(title, taken, floor="1 exchange, 1 event", times_floor=1.2)
    once = Bar("1 exchange", tuple(asked), 1.0)
    return [Line(made.title, made.samples, made.against, (*made.bars, once))]
