from __future__ import annotations

import random

import pytest

from descope_async._runtime.backoff import Backoff


def test_pauses_double_up_to_the_longest() -> None:
    backoff = Backoff(0.5, 20)
    assert [backoff.whole(failures) for failures in range(8)] == [0.5, 1, 2, 4, 8, 16, 20, 20]
    assert backoff.whole(10**9) == 20


@pytest.mark.parametrize(("spread", "least", "most"), [((0, 1), 0, 4), ((0.8, 1.2), 3.2, 4.8)])
def test_pauses_are_drawn_within_their_spread(
    spread: tuple[float, float], least: float, most: float
) -> None:
    chance = random.Random(1)  # noqa: S311 - no secret
    drawn = [Backoff(1, 30, spread).drawn(2, chance.uniform) for _ in range(1_000)]
    assert least <= min(drawn) < least + 0.1
    assert most - 0.1 < max(drawn) <= most
