"""A short campaign against ``descope-keys apply``; the module of that name runs long ones."""

from __future__ import annotations

import random

from .apply_campaign import Campaign


def test_an_apply_that_is_killed_now_and_then_loses_nothing() -> None:
    campaign = Campaign(random.Random(18))  # noqa: S311 - chooses when to kill
    campaign.round(2, misbehaves=True)
    assert not campaign.problems
    assert campaign.states
