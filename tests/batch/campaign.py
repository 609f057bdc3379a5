"""``python -m tests.batch.campaign``: runs over thousands of keys, killed at random moments.

The runs create, rotate and replace keys, every second time with a service that misbehaves, and half of
them with one file for all secrets. What is killed
seldom at random, because it is over in a moment, is killed on purpose in the end, in small runs.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from descope_sync.emulator import Emulator

from .crashes import FAULTS, Crashes, report_of
from .deaths import AT_ONCE, DEATHS, top_up

#: Of four rounds, so many keep all secrets in one file.
_IN_ONE_FILE: Final = 2
#: Keys that are rotated and replaced, of those that were created.
_CHANGED: Final = 500


def one_round(draw: random.Random, keys: int, *, misbehaves: bool, in_one_file: bool) -> Crashes:
    """Create keys, rotate some and replace some, and kill all of it now and then."""
    with Emulator(signing_algorithm="ES256") as emulator, tempfile.TemporaryDirectory() as name:
        crashes = Crashes(emulator, Path(name), draw, in_one_file)

        def carry_out(operation: str, items: list[Any], kills: int, **more: Any) -> list[str]:
            for fault in FAULTS if misbehaves else ():
                emulator.faults.add(fault)
            orders = crashes.orders(operation, operation, items, **more)
            crashes.carry_out(orders, kills, 3.0)
            emulator.faults.clear()
            crashes.reckon(orders)
            return [line["key_id"] for line in report_of(Path(orders["journal"]))]

        made = carry_out("create", [{"name": f"m-{i}"} for i in range(keys)], 30)
        carry_out("rotate", made[:_CHANGED], 15, prove=draw.random() < 0.5)
        delete_after = draw.choice([0, None])
        options = {**AT_ONCE, "delete_after": delete_after}
        carry_out("replace", made[:_CHANGED], 15, options=options)
    return crashes


def main(arguments: Sequence[str] | None = None) -> int:
    """Kill so many runs, print the states they were killed in, and say what was wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.batch.campaign", description=__doc__)
    parser.add_argument("--kills", type=int, default=500, help="at random moments")
    parser.add_argument("--each", type=int, default=20, help="of each kind of line, at least")
    parser.add_argument("--at", choices=DEATHS, action="append", help="only these kinds of line")
    parser.add_argument("--keys", type=int, default=2000, help="keys of a run")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 2**32)
    options = parser.parse_args(arguments)
    print("seed", options.seed, flush=True)
    draw = random.Random(options.seed)  # noqa: S311 - chooses when to kill
    began = time.monotonic()
    at_random: Counter[str] = Counter()
    on_purpose: Counter[str] = Counter()
    problems: list[str] = []

    def take(crashes: Crashes, states: Counter[str], what: str) -> None:
        states.update(crashes.states)
        problems.extend(crashes.problems)
        print(f"{time.monotonic() - began:.0f} s, {what}: {dict(crashes.states)}", flush=True)

    number = 0
    while at_random.total() < options.kills and not problems:
        number += 1
        round_ = one_round(
            draw, options.keys, misbehaves=bool(number % 2), in_one_file=number % 4 < _IN_ONE_FILE
        )
        take(round_, at_random, f"round {number}")
    for kind in options.at or DEATHS:
        left = options.each - at_random[kind]
        if left > 0 and not problems:
            with tempfile.TemporaryDirectory() as name:
                take(top_up(draw, Path(name), kind, left), on_purpose, f"at {kind}")
    print(f"{'last line':<12}{'at random':>10}{'on purpose':>12}")
    for kind in sorted(at_random | on_purpose):
        print(f"{kind:<12}{at_random[kind]:>10}{on_purpose[kind]:>12}")
    print(f"{'all':<12}{at_random.total():>10}{on_purpose.total():>12}")
    print("\n".join(problems) or "no secret lost, no twins")
    return int(bool(problems))


if __name__ == "__main__":
    raise SystemExit(main())
