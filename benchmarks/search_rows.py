"""Rows about a search that finds many keys."""

from __future__ import annotations

import asyncio
import gc
import tracemalloc
from collections.abc import Awaitable, Callable
from typing import Final

from descope_async._calls import wire  # what is done with the body

from .answers import SEARCH
from .bars import Bar, Line, line
from .contenders import OFFICIAL_ASYNC, asynchronous
from .floors import parsed_body
from .rounds import Setting, awaited, blocking, in_turn
from .without_msgspec import without_msgspec

_AIOHTTP: Final = "aiohttp"


def search(setting: Setting) -> list[Line]:
    """A search that finds many keys: the whole call, and what is done with its body."""
    body = setting.answers[SEARCH]
    with asynchronous(setting.server.plain) as (runner, clients):
        runs = {who: awaited(runner, client.search, 1) for who, client in clients.items()}
        readings = {
            "ours": awaited(runner, lambda: wire.read(wire.KeysAnswer, body), 1),
            "floor": blocking(lambda: parsed_body.parse(body)),
        }
        with without_msgspec():
            whole = in_turn(setting, runs)
            peaks = {who: _peak(runner, client.search) for who, client in clients.items()}
            read = in_turn(setting, readings)
        quicker = in_turn(setting, runs)
        quicker_read = in_turn(setting, readings)
    title = f"search, {setting.keys:,} keys"
    pairs = zip(read.seconds["ours"], read.seconds["floor"], strict=True)
    beyond = tuple(a / b - 1 for a, b in pairs)
    structure = Bar("structure ≤ 3 x json.loads", beyond, 3.0)
    parsed = parsed_body.size(body)
    memory = Bar("≤ 3 x parsed body", (peaks["ours"] / parsed,), 3.0)
    return [
        line(
            f"{title}, whole call",
            whole.seconds,
            peer=OFFICIAL_ASYNC,
            floor=_AIOHTTP,
            times_peer=1.7,
        ),
        line(
            f"{title}, whole call, with [fast]",
            quicker.seconds,
            peer=OFFICIAL_ASYNC,
            floor=_AIOHTTP,
            times_peer=1.4,
        ),
        Line(f"{title}, body to values", read.seconds, {"floor": "json.loads"}, (structure,)),
        line(f"{title}, body to values, with [fast]", quicker_read.seconds, floor="json.loads"),
        Line(
            f"{title}, peak memory",
            {"ours": [peaks["ours"]], "peer": [peaks["peer"]], "floor": [parsed]},
            {"peer": OFFICIAL_ASYNC, "floor": "parsed body"},
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
