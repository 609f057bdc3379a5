"""Work that is killed at random moments, with a service that misbehaves."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from descope_sync.emulator import Emulator

from .crashes import FAULTS, Crashes, report_of
from .deaths import DEATHS, die


@pytest.mark.parametrize("in_one_file", [False, True])
@pytest.mark.parametrize("misbehaves", [False, True])
@pytest.mark.parametrize("operation", ["create", "rotate", "replace"])
def test_nothing_is_lost_and_nothing_is_there_twice(
    tmp_path: Path, operation: str, misbehaves: bool, in_one_file: bool
) -> None:
    draw = random.Random(f"{operation} {misbehaves}")  # noqa: S311 - chooses when to kill
    with Emulator(signing_algorithm="ES256") as emulator:
        crashes = Crashes(emulator, tmp_path, draw, in_one_file)
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


@pytest.mark.parametrize("kind", DEATHS)
def test_each_state_survives_a_kill(tmp_path: Path, kind: str) -> None:
    with Emulator(signing_algorithm="ES256") as emulator:
        crashes = Crashes(emulator, tmp_path, random.Random(kind))  # noqa: S311 - draws nothing
        die(crashes, kind, "work", [1, 2])
    assert crashes.states[kind] >= 1, crashes.states
    assert not crashes.problems
