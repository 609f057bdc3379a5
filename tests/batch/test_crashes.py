"""Work that is killed at random moments, with a service that misbehaves."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from descope_async.emulator import Fault
from descope_sync.emulator import Emulator

from .crashes import FAULTS, Crashes, report_of

pytestmark = pytest.mark.timeout(300)


@pytest.mark.parametrize("misbehaves", [False, True])
@pytest.mark.parametrize("operation", ["create", "rotate", "replace"])
def test_nothing_is_lost_and_nothing_is_there_twice(
    tmp_path: Path, operation: str, misbehaves: bool
) -> None:
    draw = random.Random(f"{operation} {misbehaves}")  # noqa: S311 - chooses when to kill
    with Emulator(signing_algorithm="ES256") as emulator:
        crashes = Crashes(emulator, tmp_path, draw)
        items: list[Any] = [{"name": f"machine-{number}"} for number in range(200)]
        more: dict[str, Any] = {}
        if operation != "create":
            made = crashes.orders("made", "create", items)
            crashes.carry_out(made, 0, 0)
            items = [line["key_id"] for line in report_of(Path(made["journal"]))]
        if operation == "replace":
            more["options"] = {"expire_time": 2**31 - 1, "grace": 0, "delete_after": None}
        for fault in FAULTS if misbehaves else ():
            emulator.faults.add(fault)
        orders = crashes.orders("work", operation, items, **more)
        crashes.carry_out(orders, 6, 0.5)
        emulator.faults.clear()
        crashes.reckon(orders)
    assert crashes.kills
    assert not crashes.problems


#: What the process dies of, by the line of the journal that is its last one.
DEATHS: dict[str, dict[str, Any]] = {
    "plan": {"die_at": "plan"},
    "intent": {"die_at": "intent"},
    "made": {"die_at": "made"},
    "stored": {"die_at": "stored"},
    "proved": {"die_at": "proved", "prove": True},
    "rotating": {"die_at": "rotating"},
    "waiting": {"die_at": "waiting"},
    "done": {"die_at": "done"},
    "undone": {"die_at": "undone"},
}


@pytest.mark.parametrize("kind", DEATHS)
def test_each_state_survives_a_kill(tmp_path: Path, kind: str) -> None:
    with Emulator(signing_algorithm="ES256") as emulator:
        crashes = Crashes(emulator, tmp_path, random.Random(kind))  # noqa: S311 - draws nothing
        items: list[Any] = [{"name": f"machine-{number}"} for number in range(12)]
        operation, more = "create", {}
        if kind == "waiting":
            made = crashes.orders("made", "create", items)
            crashes.carry_out(made, 0, 0)
            items = [line["key_id"] for line in report_of(Path(made["journal"]))]
            operation = "replace"
            more["options"] = {"expire_time": 2**31 - 1, "grace": 0, "delete_after": None}
        if kind in ("rotating", "undone"):
            is_made = kind == "rotating"
            emulator.faults.add(Fault("close", "access_key.create", commit=is_made, every=3))
        orders = crashes.orders("work", operation, items, **more)
        for number in (1, 2, 5):
            crashes.die(orders | DEATHS[kind], number)
        assert crashes.states[kind] >= 1, crashes.states
        crashes.carry_out(orders, 0, 0)
        emulator.faults.clear()
        crashes.reckon(orders)
    assert not crashes.problems
