from __future__ import annotations

import math

import pytest

from descope_async._values.numbers import is_number, is_within


@pytest.mark.parametrize("value", [True, False, None, "1", b"2", [1], 1j])
def test_what_is_no_number(value: object) -> None:
    assert not is_number(value)
    assert not is_within(value, -math.inf, math.inf)


@pytest.mark.parametrize("value", [0, -1, 1.5, math.inf, pytest.param(10**400, id="huge")])
def test_what_is_a_number(value: object) -> None:
    assert is_number(value)


def test_both_ends_belong_to_a_range_and_nan_to_none() -> None:
    assert [value for value in (-0.1, 0, 1, 2.0, 2.1, 10**400) if is_within(value, 0, 2)] == [
        0,
        1,
        2,
    ]
    assert not is_within(math.nan, -math.inf, math.inf)
