"""Rows about loads: awaited and blocking, one after the other and many at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Final

from attrs import evolve

from .bars import Bar, Line, line
from .contenders import asynchronous, synchronous
from .rounds import Setting, awaited, blocking, in_turn, threaded
from .servers import Site

_THREADS: Final = 16
_CONCURRENCIES: Final = (1, 10, 100, 1_000)
_AIOHTTP, _HTTPX = "aiohttp", "httpx.Client"
_ASYNC, _SYNC = "official async", "official sync"


def async_loads(setting: Setting) -> list[Line]:
    """Load, awaited: 50 at once and one after the other."""
    plain, tls = setting.server.plain, setting.server.tls
    return [
        _async_load(setting, plain, "50 at once, plain", 50, times_floor=1.25, times_ahead=8),
        _async_load(setting, plain, "one after the other, plain", 1, times_floor=1.35),
        _async_load(setting, tls, "50 at once, TLS", 50, times_floor=1.3, times_ahead=8),
        _async_load(setting, tls, "one after the other, TLS", 1, times_floor=1.35),
    ]


def _async_load(
    setting: Setting,
    site: Site,
    how: str,
    at_once: int,
    *,
    times_floor: float,
    times_ahead: float | None = None,
) -> Line:
    with asynchronous(site) as (runner, clients):
        runs = {who: awaited(runner, client.load, at_once) for who, client in clients.items()}
        return line(
            f"async load, {how}",
            in_turn(setting, runs, at_once),
            peer=_ASYNC,
            floor=_AIOHTTP,
            times_floor=times_floor,
            times_ahead=times_ahead,
        )


def sync_loads(setting: Setting) -> list[Line]:
    """Load, blocking: from one thread, and over TLS also from sixteen."""
    lines: list[Line] = []
    for site, name, times_floor, times_ahead in (
        (setting.server.plain, "plain", 0.95, 1.8),
        (setting.server.tls, "TLS", 1.0, 4.3),
    ):
        with synchronous(site) as calls:
            taken = in_turn(setting, {who: blocking(call) for who, call in calls.items()})
        lines.append(
            line(
                f"sync load, one thread, {name}",
                taken,
                peer=_SYNC,
                floor=_HTTPX,
                times_floor=times_floor,
                times_ahead=times_ahead,
            )
        )
    with synchronous(setting.server.tls) as calls, ThreadPoolExecutor(_THREADS) as pool:
        runs = {who: threaded(pool, call, _THREADS) for who, call in calls.items()}
        taken = in_turn(setting, runs, _THREADS)
    title = f"sync load, {_THREADS} threads, TLS"
    return [*lines, line(title, taken, peer=_SYNC, floor=_HTTPX, times_ahead=5)]


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
    lines[_CONCURRENCIES[-1]] = evolve(most, bars=(bar,))
    return list(lines.values())
