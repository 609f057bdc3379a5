"""What the largest answers that pass cost: memory, time, and the event loop's longest pause.

The floor of memory is what `json.loads` takes for the same body, and that of the pause is one full
garbage collection.

``python -m benchmarks.large_answers URL`` searches once, in a process of its own, and prints what
that cost. With ``--floor FILE`` it measures the floors for the body in a file.
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
from descope_async._calls.found_keys import BYTES_PER_KEY, MAX_MEMBERS, MAX_SEARCH

from .answers import LICENSE, MANAGEMENT_KEY, PROJECT, SEARCH, access_key, encoded
from .bars import Bar, Line
from .floors import found_keys
from .rounds import Setting
from .servers import serving

_MIB: Final = 1024 * 1024
_TIMES_BODY: Final = 8.0
_SECONDS_PER_MIB: Final = 1 / 8
_PAUSE: Final = 0.05


def _as_sent(share: int, count: int = 10_000) -> bytes:
    """Keys as the service sends them: as many as the rows about calls search for."""
    return encoded({"keys": [access_key(number) for number in range(count // share)]})


def _twice_as_many(share: int) -> bytes:
    """Twice as many of them."""
    return _as_sent(share, 20_000)


def _many_as_sent(share: int) -> bytes:
    """As many keys as pass, as the service sends them."""
    largest = len(encoded(access_key(10**6 + 49))) + 1
    count = MAX_SEARCH // largest - 1
    return encoded({"keys": [access_key(10**6 + number) for number in range(count // share)]})


def _smallest_keys(share: int) -> bytes:
    """As many keys as pass, each with as many members as pass."""
    count = MAX_SEARCH // BYTES_PER_KEY // share - 10
    keys = [
        b'{"id":"%09x","name":"%09x","status":"%014x"}' % (number, number, number)
        for number in range(count)
    ]
    return b'{"keys":[%b]}' % b",".join(keys)


def _smallest_objects(share: int) -> bytes:
    """As many claims as pass, each of which is an object of its own with as many members as pass."""
    claims = [
        b'{"x%013x":1,"y%012x":1}' % (number, number)
        for number in range((MAX_MEMBERS - 10) // 3 // share)
    ]
    key = b'{"id":"a","customClaims":{"a":[%b]}}' % b",".join(claims)
    return _list(key, max(1, MAX_SEARCH // len(key) - 1) if share == 1 else 1)


def _smallest_members(share: int) -> bytes:
    """As many claims as pass, each of which is a text of its own."""
    claims = [
        b'"%07x":"%04x"' % (number, number % 2**16) for number in range((MAX_MEMBERS - 10) // share)
    ]
    key = b'{"id":"a","customClaims":{%b}}' % b",".join(claims)
    return _list(key, max(1, MAX_SEARCH // len(key) - 1) if share == 1 else 1)


def _long_names(share: int) -> bytes:
    """Names as long as the answer, with one character that makes each text four times as large."""
    key = encoded({"id": "a", "name": "a" * (_MIB // share) + "\U0001f600"})
    return _list(key, MAX_SEARCH // _MIB - 1)


BODIES: Final[dict[str, Callable[[int], bytes]]] = {
    "keys as the service sends them": _as_sent,
    "twice as many": _twice_as_many,
    "the most keys as the service sends them": _many_as_sent,
    "the smallest keys": _smallest_keys,
    "the smallest objects": _smallest_objects,
    "the smallest members": _smallest_members,
    "long names": _long_names,
}


def large_answers(setting: Setting) -> list[Line]:
    """The worst bodies that pass."""
    lines: list[Line] = []
    share = 1_000 if setting.is_quick else 1
    for name, made in BODIES.items():
        body = made(share)
        found: dict[str, list[float]] = {}
        served = {SEARCH: body, LICENSE: setting.answers[LICENSE]}
        with (
            tempfile.TemporaryDirectory() as folder,
            serving(served, Path(folder), "asyncio") as server,
        ):
            (Path(folder) / "body").write_bytes(body)
            for _ in range(min(setting.rounds, 3)):
                for prefix, arguments in (
                    ("", [server.plain.url]),
                    ("floor ", ["--floor", f"{folder}/body"]),
                ):
                    for what, value in _measured(*arguments).items():
                        found.setdefault(f"{prefix}{what}", []).append(value)
        mib = len(body) / _MIB
        title = f"search, {name}, {mib:.0f} MiB"
        times = tuple(peak / len(body) for peak in found["peak"])
        speed = tuple(seconds / mib for seconds in found["seconds"])
        pause = Bar("pause ≤ 50 ms", tuple(found["pause"]), _PAUSE)
        memory = Bar("≤ 8 x body", times, _TIMES_BODY)
        is_usual = made in {_as_sent, _twice_as_many}
        lines += [
            Line(
                f"{title}, memory",
                {"ours": found["peak"], "floor": found["floor peak"]},
                {"floor": "parsed body"},
                (memory,),
                "bytes",
            ),
            Line(
                f"{title}, per MiB",
                {"ours": speed},
                {},
                (Bar("≤ 1 s per 8 MiB", speed, _SECONDS_PER_MIB),),
            ),
            Line(
                f"{title}, longest pause",
                {"ours": found["pause"], "floor": found["floor pause"]},
                {"floor": "a garbage collection"},
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


def _floor(body: bytes) -> dict[str, float]:
    before = _memory("VmRSS")
    documents = json.loads(body)["keys"]
    peak = _memory("VmHWM") - before
    return {"peak": max(peak, 1), "pause": found_keys.pause(documents)}


def _measured(*arguments: str) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.large_answers", *arguments]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    measured: dict[str, float] = json.loads(done.stdout)
    return measured


def _memory(name: str) -> float:
    status = Path("/proc/self/status")
    if not status.exists():  # Linux alone tells
        return 0.0
    fields = dict(line.split(":", 1) for line in status.read_text().splitlines())
    return float(fields[name].split()[0]) * 1024


if __name__ == "__main__":
    *mode, subject = sys.argv[1:]
    print(json.dumps(_floor(Path(subject).read_bytes()) if mode else asyncio.run(_search(subject))))
