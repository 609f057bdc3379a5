"""Rows about loads: awaited and blocking, one after the other and many at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Final

from attrs import evolve

from .bars import Bar, Line, line
from .contenders import OFFICIAL_ASYNC, OFFICIAL_SYNC, asynchronous, synchronous
from .rounds import Setting, awaited, blocking, in_turn, threaded
from .servers import Site

_TASKS: Final = 50
_THREADS: Final = 16
_CONCURRENCIES: Final = (1, 10, 100, 1_000)
_AIOHTTP, _HTTPX = "aiohttp", "httpx.Client"


def async_loads(setting: Setting) -> list[Line]:
    """Load, awaited: 50 at once and one after the other."""
    plain, tls = setting.server.plain, setting.server.tls
    return [
        *_many_at_once(setting, plain, "plain", times_floor=1.25),
        _one_by_one(setting, plain, "plain"),
        *_many_at_once(setting, tls, "TLS", times_floor=1.3),
        _one_by_one(setting, tls, "TLS"),
    ]


def _many_at_once(setting: Setting, site: Site, name: str, *, times_floor: float) -> list[Line]:
    with asynchronous(site) as (runner, clients):
        calls = {who: client.load for who, client in clients.items()}
        by_hand = clients["floor"].promised_load
        assert by_hand
        taken = in_turn(
            setting,
            {
                who: awaited(runner, call, _TASKS)
                for who, call in {**calls, "by hand": by_hand}.items()
            },
            _TASKS,
        )
    title = f"async load, {_TASKS} at once, {name}"
    return [
        line(
            title,
            taken.of(ours="ours", peer="peer", floor="floor"),
            peer=OFFICIAL_ASYNC,
            floor=_AIOHTTP,
            times_floor=times_floor,
            times_ahead=8,
        ),
        evolve(
            line(
                f"{title}, by hand with the same promises", taken.of(ours="by hand", floor="floor")
            ),
            against={"ours": "by hand", "floor": _AIOHTTP},
        ),
    ]


def _one_by_one(setting: Setting, site: Site, name: str) -> Line:
    with asynchronous(site) as (runner, clients):
        runs = {who: awaited(runner, client.load, 1) for who, client in clients.items()}
        return line(
            f"async load, one after the other, {name}",
            in_turn(setting, runs),
            peer=OFFICIAL_ASYNC,
            floor=_AIOHTTP,
            times_floor=1.35,
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
                peer=OFFICIAL_SYNC,
                floor=_HTTPX,
                times_floor=times_floor,
                times_ahead=times_ahead,
            )
        )
    with synchronous(setting.server.tls) as calls, ThreadPoolExecutor(_THREADS) as pool:
        runs = {who: threaded(pool, call, _THREADS) for who, call in calls.items()}
        taken = in_turn(setting, runs, _THREADS)
    title = f"sync load, {_THREADS} threads, TLS"
    return [*lines, line(title, taken, peer=OFFICIAL_SYNC, floor=_HTTPX, times_ahead=5)]


def concurrency(setting: Setting) -> list[Line]:
    """Load, awaited, 1 to 1,000 at once."""
    concurrencies = _CONCURRENCIES[:2] if setting.is_quick else _CONCURRENCIES
    lines: dict[int, Line] = {}
    with asynchronous(setting.server.plain) as (runner, clients):
        for at_once in concurrencies:
            runs = {who: awaited(runner, client.load, at_once) for who, client in clients.items()}
            lines[at_once] = line(
                f"load, {at_once:,} at once, plain",
                in_turn(setting, runs, at_once, may_fail=["peer"]),
                peer=OFFICIAL_ASYNC,
                floor=_AIOHTTP,
            )
    best = min(lines.values(), key=lambda made: min(made.samples["ours"]))
    most = lines[concurrencies[-1]]
    kept = tuple(a / b for a, b in zip(best.samples["ours"], most.samples["ours"], strict=True))
    bar = Bar("≥ 0.8 of the best throughput", kept, 0.8, at_least=True)
    lines[concurrencies[-1]] = evolve(most, bars=(bar,))
    return list(lines.values())
