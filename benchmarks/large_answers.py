"""What the largest answers that pass cost: memory, time, and the event loop's longest pause.

``python -m benchmarks.large_answers URL`` searches once, in a process of its own, and prints it.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from descope_async import DescopeClient
from descope_async._calls.wire import BYTES_PER_MEMBER, MAX_MEMBERS, MAX_SEARCH

from .answers import LICENSE, MANAGEMENT_KEY, PROJECT, SEARCH, access_key, encoded
from .bars import Bar, Line
from .rounds import Setting
from .servers import serving

_MIB: Final = 1024 * 1024
_TIMES_BODY: Final = 8.0
_SECONDS_PER_MIB: Final = 1 / 8
_PAUSE: Final = 0.05


def _as_sent(share: int) -> bytes:
    """Keys as the service sends them: as many as the rows about calls search for."""
    return encoded({"keys": [access_key(number) for number in range(10_000 // share)]})


def _many_as_sent(share: int) -> bytes:
    """As many keys as pass, as the service sends them."""
    largest = len(encoded(access_key(10**6 + 49))) + 1
    count = MAX_SEARCH // largest - 1
    return encoded({"keys": [access_key(10**6 + number) for number in range(count // share)]})


def _smallest_keys(share: int) -> bytes:
    """As many keys as pass, none of which says more than its id."""
    rest = len(b'{"id":""},')
    keys = [
        b'{"id":"%b"}' % f"{number:x}".zfill(2 * BYTES_PER_MEMBER - rest).encode()
        for number in range(MAX_SEARCH // 2 // BYTES_PER_MEMBER // share - 10)
    ]
    return b'{"keys":[%b]}' % b",".join(keys)


def _smallest_members(share: int) -> bytes:
    """As many claims as pass, each of which is an object of its own."""
    rest = len(b'{"":1},')
    claims = [
        b'{"%b":1}' % f"{number:x}".zfill(2 * BYTES_PER_MEMBER - rest).encode()
        for number in range((MAX_MEMBERS - 10) // 2 // share)
    ]
    key = b'{"id":"a","customClaims":{"a":[%b]}}' % b",".join(claims)
    return _list(key, max(1, MAX_SEARCH // len(key) - 1) if share == 1 else 1)


def _long_names(share: int) -> bytes:
    """Names as long as the answer, with one character that makes each text four times as large."""
    key = encoded({"id": "a", "name": "a" * (_MIB // share) + "\U0001f600"})
    return _list(key, MAX_SEARCH // _MIB - 1)


BODIES: Final[dict[str, Callable[[int], bytes]]] = {
    "keys as the service sends them": _as_sent,
    "the most keys as the service sends them": _many_as_sent,
    "the smallest keys": _smallest_keys,
    "the smallest members": _smallest_members,
    "long names": _long_names,
}


def large_answers(setting: Setting) -> list[Line]:
    """The worst bodies that pass."""
    lines: list[Line] = []
    share = 1_000 if setting.is_quick else 1
    for name, made in BODIES.items():
        body = made(share)
        found: dict[str, list[float]] = {"peak": [], "seconds": [], "pause": []}
        served = {SEARCH: body, LICENSE: setting.answers[LICENSE]}
        with (
            tempfile.TemporaryDirectory() as folder,
            serving(served, Path(folder), "asyncio") as server,
        ):
            for _ in range(min(setting.rounds, 3)):
                command = [sys.executable, "-m", "benchmarks.large_answers", server.plain.url]
                done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
                for what, value in json.loads(done.stdout).items():
                    found[what].append(value)
        mib = len(body) / _MIB
        title = f"search, {name}, {mib:.0f} MiB"
        times = tuple(peak / len(body) for peak in found["peak"])
        speed = tuple(seconds / mib for seconds in found["seconds"])
        pause = Bar("pause ≤ 50 ms", tuple(found["pause"]), _PAUSE)
        memory = Bar("≤ 8 x body", times, _TIMES_BODY)
        is_usual = made is _as_sent
        lines += [
            Line(f"{title}, memory", {"ours": found["peak"]}, {}, (memory,), "bytes"),
            Line(
                f"{title}, per MiB",
                {"ours": speed},
                {},
                (Bar("≤ 1 s per 8 MiB", speed, _SECONDS_PER_MIB),),
            ),
            Line(
                f"{title}, longest pause",
                {"ours": found["pause"]},
                {},
                (pause,) if is_usual else (),
            ),
        ]
    return lines


def _list(key: bytes, count: int) -> bytes:
    return b'{"keys":[%b]}' % b",".join([key] * count)


async def _search(url: str) -> dict[str, float]:
    pauses = [0.0]

    async def beat() -> None:
        while True:
            began = time.process_time()
            await asyncio.sleep(0)
            pauses.append(time.process_time() - began)

    async with DescopeClient(PROJECT, MANAGEMENT_KEY, base_url=url) as client:
        before = _memory("VmRSS")
        beating = asyncio.create_task(beat())
        start = time.process_time()  # on a busy machine, others' work is no pause
        keys = await client.mgmt.access_key.search_all_access_keys()
        seconds = time.process_time() - start
        beating.cancel()
        peak = _memory("VmHWM") - before
    assert keys
    return {"peak": max(peak, 1), "seconds": seconds, "pause": max(pauses)}


def _memory(name: str) -> float:
    status = Path("/proc/self/status")
    if not status.exists():  # Linux alone tells
        return 0.0
    fields = dict(line.split(":", 1) for line in status.read_text().splitlines())
    return float(fields[name].split()[0]) * 1024


if __name__ == "__main__":
    print(json.dumps(asyncio.run(_search(sys.argv[1]))))
