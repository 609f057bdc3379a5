"""Ctrl-C, SIGTERM and SIGHUP: once, twice and three times."""

from __future__ import annotations

import json
import random
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from descope_async.emulator import Fault
from descope_sync.emulator import Emulator

from .crashes import Crashes, begun, report_of, started

ITEMS = [{"name": f"machine-{number}"} for number in range(60)]


@pytest.fixture
def crashes(tmp_path: Path) -> Any:
    with Emulator(signing_algorithm="ES256") as emulator:
        yield Crashes(emulator, tmp_path, random.Random(0))  # noqa: S311 - draws nothing


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("times", [1, 2])
def test_what_is_under_way_is_stored(crashes: Crashes, number: signal.Signals, times: int) -> None:
    crashes.emulator.faults.add(Fault("delay", "access_key.create", seconds=0.4))
    orders = crashes.orders("work", "create", ITEMS, prove=True)
    journal = Path(orders["journal"])
    with started(orders) as process:
        begun(journal, process)
        for _ in range(times):
            process.send_signal(number)
            time.sleep(0.1)
        said, _ = process.communicate(timeout=120)
    assert process.returncode == 3
    assert f"{number.name} was received. create: " in said
    kinds = [json.loads(line).get("k") for line in journal.read_text().splitlines()]
    assert kinds.count("made") == kinds.count("stored") < len(ITEMS)
    assert kinds[-1] == "close"
    if times == 1:
        outcomes = {line["outcome"] for line in report_of(journal)}
        assert outcomes <= {"done", "stored", "not done"}  # a proof is a call, too
    made = crashes.emulator.requests.count("access_key.create")
    assert made == kinds.count("made")  # none is without its secret

    crashes.emulator.faults.clear()
    crashes.carry_out(orders, 0, 0)
    crashes.reckon(orders)
    assert not crashes.problems
    assert not crashes.emulator.requests.count("access_key.rotate")


def test_a_connection_that_drops_ends_no_run_in_a_hurry(crashes: Crashes) -> None:
    crashes.emulator.faults.add(Fault("delay", "access_key.create", seconds=1))
    orders = crashes.orders("work", "create", ITEMS)
    journal = Path(orders["journal"])
    with started(orders) as process:
        begun(journal, process)
        for _ in range(4):  # the terminal, the shell and others tell of it
            process.send_signal(signal.SIGHUP)
            time.sleep(0.05)
        said, _ = process.communicate(timeout=120)
    assert process.returncode == 3
    assert "SIGHUP was received. create: " in said
    assert len(report_of(journal)) == len(ITEMS)  # there is none after an end in a hurry


def test_nohup_lets_a_run_go_on(crashes: Crashes) -> None:
    crashes.emulator.faults.add(Fault("delay", "access_key.create", seconds=0.1))
    orders = crashes.orders("work", "create", ITEMS[:20])
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does; processes inherit it
    try:
        with started(orders) as process:
            begun(Path(orders["journal"]), process)
            process.send_signal(signal.SIGHUP)
            process.communicate(timeout=120)
    finally:
        signal.signal(signal.SIGHUP, before)
    assert process.returncode == 0


def test_the_third_one_ends_the_process(crashes: Crashes) -> None:
    crashes.emulator.faults.add(Fault("delay", "access_key.create", seconds=40, nth=8))
    orders = crashes.orders("work", "create", ITEMS)
    with started(orders) as process:
        begun(Path(orders["journal"]), process)
        while crashes.emulator.requests.count("access_key.create") < 8:
            time.sleep(0.05)
        began = time.monotonic()
        while process.poll() is None:  # of those that come at once, a busy process sees one
            process.send_signal(signal.SIGTERM)
            time.sleep(0.2)
    assert process.returncode == -signal.SIGTERM
    assert time.monotonic() - began < 30
    crashes.emulator.faults.clear()
    crashes.carry_out(orders, 0, 0)
    crashes.reckon(orders)
    assert not crashes.problems
