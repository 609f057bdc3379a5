from __future__ import annotations

import pytest

from descope_async._runtime.clock import SYSTEM_CLOCK, SleepCounter


class Machine:
    """A machine whose steady clock stands still while it sleeps."""

    def __init__(self) -> None:
        self.steady, self.wall = 100.0, 1_700_000_000.0
        self.running = SleepCounter(lambda: self.steady, lambda: self.wall)

    def work(self, seconds: float) -> None:
        self.steady += seconds
        self.wall += seconds

    def sleep(self, seconds: float) -> None:
        self.wall += seconds


def test_sleep_counts_where_the_steady_clock_stands_still() -> None:
    machine = Machine()
    began = machine.running()
    machine.work(60)
    assert machine.running() - began == 60
    machine.sleep(8 * 3600)
    machine.work(1)
    assert machine.running() - began == pytest.approx(8 * 3600 + 61)
    machine.work(10)
    assert machine.running() - began == pytest.approx(8 * 3600 + 71)


def test_a_corrected_date_is_no_sleep_and_time_never_goes_back() -> None:
    machine = Machine()
    began = machine.running()
    for correction in (0.5, -0.5, -86_400, 2, -3):
        machine.work(10)
        machine.wall += correction
        before = machine.running()
        assert machine.running() >= before
    assert machine.running() - began == 50


def test_this_machines_clock_goes_on() -> None:
    assert SYSTEM_CLOCK.running() <= SYSTEM_CLOCK.running()
