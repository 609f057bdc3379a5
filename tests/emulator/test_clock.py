from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from descope_async.emulator import Clock, EmulatorError

MOMENT = 2_000_000_000.25


def machine_time() -> float:
    return datetime.now(tz=UTC).timestamp()


def frozen_at(moment: float) -> Clock:
    clock = Clock()
    clock.freeze()
    clock.move_to(moment, backwards=True)
    return clock


def test_a_new_clock_shows_this_machines_time() -> None:
    clock = Clock()
    before = machine_time()
    shown = clock.now()
    assert before <= shown <= machine_time() + 0.001
    assert clock.rate == 1
    assert clock.token_skew == 0


def test_a_frozen_clock_stands_still() -> None:
    clock = Clock()
    before = machine_time()
    clock.freeze()
    frozen = clock.now()
    assert before <= frozen
    time.sleep(0.01)
    assert clock.now() == frozen
    assert clock.rate == 0
    assert clock.stamp() == int(frozen)


def test_frozen_time_passes_as_told() -> None:
    clock = frozen_at(MOMENT)
    clock.advance(0)
    clock.advance(59)
    clock.advance(0.5)
    assert clock.now() == MOMENT + 59.5
    assert clock.stamp() == 2_000_000_059
    clock.move_to(datetime(2037, 1, 1, tzinfo=UTC))
    assert clock.now() == datetime(2037, 1, 1, tzinfo=UTC).timestamp()


def test_running_time_goes_on_from_where_it_was_put() -> None:
    clock = frozen_at(MOMENT)
    clock.run()
    begun = time.monotonic()
    clock.advance(1000)
    assert clock.now() >= MOMENT + 1000
    while clock.now() < MOMENT + 1000.02:
        assert time.monotonic() < begun + 20, "time does not pass"


def test_time_may_pass_faster() -> None:
    clock = frozen_at(MOMENT)
    clock.run(3600)
    assert clock.rate == 3600
    begun = time.monotonic()
    while clock.now() < MOMENT + 60:
        assert time.monotonic() < begun + 20, "time does not pass faster"


def test_freezing_and_running_again_lose_no_time() -> None:
    clock = frozen_at(MOMENT)
    clock.freeze()
    clock.run(1000)
    clock.freeze()
    clock.advance(10**6)
    held = clock.now()
    assert held >= MOMENT + 10**6
    clock.run()
    assert clock.now() >= held


def test_time_goes_back_only_when_told_so() -> None:
    clock = frozen_at(MOMENT)
    clock.move_to(MOMENT)
    with pytest.raises(EmulatorError, match=r"is over.*backwards"):
        clock.move_to(MOMENT - 1)
    assert clock.now() == MOMENT
    clock.move_to(MOMENT - 1, backwards=True)
    assert clock.now() == MOMENT - 1


def test_a_reset_goes_back_to_this_machines_time() -> None:
    clock = frozen_at(MOMENT)
    clock.skew_tokens(-5)
    clock.reset()
    assert abs(clock.now() - machine_time()) < 20
    assert (clock.rate, clock.token_skew) == (1, 0)


def test_time_ends_with_the_numbers_that_answers_can_hold() -> None:
    clock = frozen_at(MOMENT)
    clock.move_to(datetime(2038, 1, 19, 3, 14, 6, tzinfo=UTC))
    end = clock.now()
    for seconds in (2, 10**10):
        with pytest.raises(EmulatorError, match="2038-01-19"):
            clock.advance(seconds)
    assert clock.now() == end
    clock.advance(1)
    clock.run(86_400)
    time.sleep(0.001)
    assert clock.now() == end + 1 == 2**31 - 1


NO_NUMBERS: list[Any] = [None, "1", "", b"1", [], {}, 1j, float("nan"), float("inf"), -float("inf")]
HUGE: list[Any] = [10**400, -(10**400), 10**5000, 1e300, -1e300]
AWARE, NAIVE = datetime(1999, 1, 1, tzinfo=UTC), datetime(2030, 1, 1)  # noqa: DTZ001 - to be refused


@pytest.mark.parametrize(
    ("set_", "values"),
    [
        pytest.param(Clock.advance, [-1, -0.001], id="advance"),
        pytest.param(Clock.run, [0, -1, 0.0009, 86_401], id="run"),
        pytest.param(Clock.move_to, [0, 946_684_799, 2_147_483_648, AWARE, NAIVE], id="move_to"),
        pytest.param(Clock.skew_tokens, [0.5, 5.0, 31_622_401, -31_622_401], id="skew_tokens"),
        pytest.param(
            lambda clock, value: clock.move_to(clock.now(), backwards=value), [0, 1], id="backwards"
        ),
    ],
)
def test_values_that_make_no_sense_change_nothing(
    set_: Callable[[Clock, Any], None], values: list[Any]
) -> None:
    clock = frozen_at(MOMENT)
    for value in [*values, *HUGE, *NO_NUMBERS]:
        with pytest.raises(EmulatorError, match="must"):
            set_(clock, value)
    assert (clock.now(), clock.rate, clock.token_skew) == (MOMENT, 0, 0)


def test_a_flag_is_no_number() -> None:
    clock = frozen_at(MOMENT)
    wrong: Any = clock
    for set_ in (wrong.advance, wrong.run, wrong.move_to, wrong.skew_tokens):
        with pytest.raises(EmulatorError, match="not True"):
            set_(True)


STEPS = st.one_of(
    st.tuples(st.just("advance"), st.floats(-10, 10**7) | st.integers(-10, 10**9)),
    st.tuples(st.just("move_to"), st.floats(allow_nan=True) | st.floats(1e9, 2.1e9)),
    st.tuples(st.just("run"), st.floats(allow_nan=True) | st.floats(0.001, 86_400)),
    st.tuples(st.just("skew_tokens"), st.integers()),
    st.tuples(st.just("freeze")),
)


@given(st.lists(STEPS, max_size=20))
def test_nothing_but_a_reset_sets_time_back(steps: list[tuple[Any, ...]]) -> None:
    clock = frozen_at(MOMENT)
    for name, *values in steps:
        before = clock.now()
        try:
            getattr(clock, name)(*values)
        except EmulatorError:
            pass
        else:
            if name == "move_to":
                assert clock.now() >= values[0]
        # The last digits of so long a number may differ from one calculation to the next.
        assert clock.now() >= before - 1e-4
        assert 0 <= clock.rate <= 86_400


@given(st.lists(st.floats(0, 10**6), max_size=100))
def test_frozen_steps_add_up(steps: list[float]) -> None:
    clock = frozen_at(MOMENT)
    for step in steps:
        clock.advance(step)
    assert clock.now() == pytest.approx(MOMENT + sum(steps), abs=1e-3)
