"""What the largest answers that pass cost: memory, time, and the event loop's longest pause.

The floor of memory is what `json.loads` takes for the same body, and that of the pause is one full
garbage collection. The pause is also measured without the collections within it.

``python -m benchmarks.large_answers fast URL`` searches once, in a process of its own, and prints what
that cost; ``usual`` does so without msgspec. ``floor FILE`` measures the floors for the body in a file.
"""

from __future__ import annotations

import asyncio
import gc
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Final

from attrs import evolve

from descope_async import AccessKey, DescopeClient
from descope_async._calls.found_keys import (
    FREE_MEMORY,
    MAX_MEMBERS,
    MAX_SEARCH,
    MEMORY_PER_BYTE,
)
from descope_async._calls.kept import Kept
from descope_async._calls.pieces import MAX_PIECE
from descope_async._calls.shortcuts import shortcut

from .answers import LICENSE, MANAGEMENT_KEY, PROJECT, SEARCH, access_key, encoded
from .bars import Bar, Line
from .floors import found_keys, parsed_body
from .rounds import Setting
from .servers import serving
from .without_msgspec import without_msgspec

#: By the name of a cost: bytes or seconds, one value for each round.
Costs = Mapping[str, list[float]]

_MIB: Final = 1024 * 1024
_TIMES_BODY: Final = 8.0
_SECONDS_PER_MIB: Final = 1 / 8
_PAUSE: Final = 0.05
#: Rounds of the bodies that nobody sends: each takes seconds.
_FEW_ROUNDS: Final = 3


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
    """As many keys as pass."""
    keys = [
        b'{"id":"%011x","name":"%011x","status":"%016x"}' % (number, number, number)
        for number in range(MAX_SEARCH // 80 // share)
    ]
    return _listed(keys)


def _smallest_objects(share: int) -> bytes:
    """As many claims as pass, each of which is an object of its own with a name of its own."""
    return _padded(share, lambda number: b'"%x":{"%06x":1}' % (number, number), 9_000)


def _smallest_members(share: int) -> bytes:
    """As many claims as pass, each of which is a text of its own."""
    return _padded(share, lambda number: b'"%07x":"%04x"' % (number, number % 2**16))


def _floats(share: int) -> bytes:
    """As many numbers as pass, which take the most memory for each byte."""
    return _padded(share, lambda number: b'"%x":[%b]' % (number, b",".join([b"1.5"] * 1_000)), 18)


def _long_names(share: int) -> bytes:
    """Names as long as the answer, with one character that makes each text four times as large."""
    key = encoded({"id": "a", "name": "a" * (_MIB // share) + "\U0001f600"})
    return _listed([key] * (MAX_SEARCH // _MIB - 1))


def _longest_names(share: int) -> bytes:
    """Names as long as they can be in so many bytes."""
    key = encoded({"id": "a", "name": "a" * ((MAX_PIECE - _MIB) // share) + "\U0001f600"})
    return _listed([key] * (MAX_SEARCH // MAX_PIECE))


BODIES: Final[dict[str, Callable[[int], bytes]]] = {
    "keys as the service sends them": _as_sent,
    "twice as many": _twice_as_many,
    "the most keys as the service sends them": _many_as_sent,
    "the smallest keys": _smallest_keys,
    "the smallest objects": _smallest_objects,
    "the smallest members": _smallest_members,
    "floats": _floats,
    "long names": _long_names,
    "the longest names": _longest_names,
}
#: Those that a service sends. They are measured without the extra, too, as most programs have it.
_SENT: Final = (_as_sent, _twice_as_many)
#: As the titles tell of them.
_WAYS: Final = {"usual": "without msgspec", "fast": "with [fast]"}


def large_answers(setting: Setting) -> list[Line]:
    """The bodies that a service sends, and the worst ones that pass."""
    lines: list[Line] = []
    share = 1_000 if setting.is_quick else 1
    few_rounds = evolve(setting, rounds=min(setting.rounds, _FEW_ROUNDS))
    for name, made in BODIES.items():
        body = made(share)
        is_sent = made in _SENT
        ways = ("usual", "fast") if is_sent else ("fast",)
        found = _measured(setting if is_sent else few_rounds, body, [*ways, "floor"])
        for way in ways:
            title = f"search, {name}, {len(body) / _MIB:.0f} MiB, {_WAYS[way]}"
            lines += _lines(title, len(body), found[way], found["floor"], is_sent=is_sent)
    return lines


def _lines(title: str, size: int, ours: Costs, floor: Costs, *, is_sent: bool) -> tuple[Line, ...]:
    times = tuple(peak / size for peak in ours["peak"])
    speed = tuple(seconds / size * _MIB for seconds in ours["seconds"])
    pause, beside = (
        Bar("pause ≤ 50 ms", tuple(ours[cost]), _PAUSE) for cost in ("pause", "pause_beside")
    )
    return (
        Line(
            f"{title}, memory",
            {"ours": ours["peak"], "floor": floor["peak"]},
            {"floor": "parsed body"},
            (Bar("≤ 8 x body", times, _TIMES_BODY),),
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
            {"ours": ours["pause"], "floor": floor["pause"]},
            {"floor": "a garbage collection"},
            (pause,) if is_sent else (),
        ),
        Line(
            f"{title}, longest pause beside garbage collections",
            {"ours": ours["pause_beside"]},
            {},
            (beside,) if is_sent else (),
        ),
    )


def _measured(setting: Setting, body: bytes, modes: Sequence[str]) -> Mapping[str, Costs]:
    """What each mode of this script costs, by the name of the cost, one value for each round."""
    found: dict[str, dict[str, list[float]]] = {mode: {} for mode in modes}
    served = {SEARCH: body, LICENSE: setting.answers[LICENSE]}
    with (
        tempfile.TemporaryDirectory() as folder,
        serving(served, Path(folder), "asyncio") as server,
    ):
        file = Path(folder) / "body"
        file.write_bytes(body)
        for order in setting.orders(modes):
            for mode in order:
                subject = str(file) if mode == "floor" else server.plain.url
                command = [sys.executable, "-m", "benchmarks.large_answers", mode, subject]
                done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
                for what, value in json.loads(done.stdout).items():
                    found[mode].setdefault(what, []).append(value)
    return found


def _padded(share: int, claim: Callable[[int], bytes], most: int = MAX_MEMBERS - 10) -> bytes:
    """Keys with as many claims as pass, each key with a text that takes little memory for its bytes."""
    keys: list[bytes] = []
    size = number = 0
    padding = None
    while size < MAX_SEARCH // share:
        claims = b",".join([claim(number + more) for more in range(most)])
        number += most
        key = b'{"id":"a","customClaims":{%b},"name":"%%b"}' % claims
        if padding is None:
            kept = Kept()
            shortcut(AccessKey)(json.loads(key), kept)
            allowed = MEMORY_PER_BYTE + FREE_MEMORY * share / MAX_SEARCH
            padding = b" " * max(0, int(kept.weight / allowed) - len(key) + 1)
        keys.append(key % padding)
        size += len(keys[-1]) + 1
    return _listed(keys[:-1] or keys)


def _listed(keys: Sequence[bytes]) -> bytes:
    return b'{"keys":[%b]}' % b",".join(keys)


async def _search(url: str) -> dict[str, float]:
    pauses, beside = [0.0], [0.0]
    collections = 0.0

    def collecting(phase: str, _: object) -> None:
        nonlocal collections
        collections += time.process_time() * (1 if phase == "stop" else -1)

    async def beat() -> None:
        nonlocal collections
        while True:
            collections = 0.0
            began = time.process_time()
            await asyncio.sleep(0)
            pauses.append(time.process_time() - began)
            beside.append(pauses[-1] - collections)

    async with DescopeClient(PROJECT, MANAGEMENT_KEY, base_url=url) as client:
        before = _memory("VmRSS")
        gc.callbacks.append(collecting)
        beating = asyncio.create_task(beat())
        start = time.process_time()  # on a busy machine, others' work is no pause
        keys = await client.mgmt.access_key.search_all_access_keys()
        seconds = time.process_time() - start
        beating.cancel()
        gc.callbacks.remove(collecting)
        peak = _memory("VmHWM") - before
    assert keys
    return {
        "peak": max(peak, 1),
        "seconds": seconds,
        "pause": max(pauses),
        "pause_beside": max(beside),
    }


def _floor(body: bytes) -> dict[str, float]:
    before = _memory("VmRSS")
    documents = parsed_body.parse(body)["keys"]
    peak = _memory("VmHWM") - before
    return {"peak": max(peak, 1), "pause": found_keys.pause(documents)}


def _memory(name: str) -> float:
    status = Path("/proc/self/status")
    if not status.exists():  # Linux alone tells
        return 0.0
    fields = dict(line.split(":", 1) for line in status.read_text().splitlines())
    return float(fields[name].split()[0]) * 1024


def _main() -> None:
    mode, subject = sys.argv[1:]
    if mode == "floor":
        cost = _floor(Path(subject).read_bytes())
    else:
        with without_msgspec() if mode == "usual" else nullcontext():
            cost = asyncio.run(_search(subject))
    sys.stdout.write(json.dumps(cost))


if __name__ == "__main__":
    _main()
