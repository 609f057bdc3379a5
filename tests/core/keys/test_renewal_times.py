"""When a token is renewed, by how long it lives."""

from __future__ import annotations

import random

import pytest

from descope_async._keys.exchange import MintedToken
from descope_async._keys.renewal_times import HeldToken
from descope_async._values.secret import Secret

ASKED_AT = 50.0


@pytest.mark.parametrize(
    ("life", "earliest", "latest", "mandatory", "last_call"),
    [
        (4, 2, 2.4, 3, 3.5),
        (39, 19.5, 23.4, 29.25, 34.125),
        (180, 135, 144, 170, 175),
        (600, 450, 480, 570, 595),
        (3600, 2700, 2880, 3540, 3595),
        (2_419_200, 2_415_600, 2_416_320, 2_419_140, 2_419_195),
    ],
)
def test_windows_follow_the_life(
    life: float, earliest: float, latest: float, mandatory: float, last_call: float
) -> None:
    minted = MintedToken(Secret("a.b.c"), 0, life)
    soonest = HeldToken.of(minted, ASKED_AT, lambda _, high: high)
    delayed = soonest.with_another_delay(lambda low, _: low)
    assert soonest.refresh_at == pytest.approx(ASKED_AT + earliest)
    assert delayed.refresh_at == pytest.approx(ASKED_AT + latest)
    assert delayed.mandatory_at == soonest.mandatory_at == pytest.approx(ASKED_AT + mandatory)
    assert soonest.last_call_at == pytest.approx(ASKED_AT + last_call)
    assert soonest.expires_at == ASKED_AT + life


def test_processes_that_began_together_do_not_renew_together() -> None:
    minted = MintedToken(Secret("a.b.c"), 0, 600)
    draws = [random.Random(seed).uniform for seed in range(50)]  # noqa: S311 - chooses delays
    held = [HeldToken.of(minted, ASKED_AT, draw) for draw in draws]
    assert len({each.refresh_at for each in held}) > 40


def test_a_held_token_shows_none() -> None:
    held = HeldToken.of(MintedToken(Secret("canary"), 0, 600), 0, lambda low, _: low)
    assert (held.token, held.header) == ("canary", "Bearer canary")
    assert "canary" not in repr(held)
