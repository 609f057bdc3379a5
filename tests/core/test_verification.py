"""The two kinds of what came of verifying an access key."""

from __future__ import annotations

from typing import assert_type

import pytest

from descope_async import SessionToken, UnverifiedKey, Verification, VerifiedKey

SESSION = SessionToken(jwt="j", key_id="K2a", project_id="P1", expire_time=5)


def whose(verification: Verification) -> str:
    """Type checkers know what a condition says: this would not pass them otherwise."""
    if verification:
        assert_type(verification, VerifiedKey)
        return verification.session.key_id
    assert_type(verification, UnverifiedKey)
    return verification.reason


def test_a_condition_tells_the_two_apart() -> None:
    assert whose(VerifiedKey(SESSION)) == "K2a"
    assert whose(UnverifiedKey("refused")) == "refused"


def test_both_answer_every_question() -> None:
    good, bad = VerifiedKey(SESSION), UnverifiedKey("rate_limited", retry_after=2)
    assert (good.reason, good.http_status, good.retry_after) == ("valid", 200, None)
    assert (bad.session, bad.http_status, bad.is_stale) == (None, 429, False)
    for each in (good, bad):
        assert isinstance(each, Verification)
        assert (each.error_code, each.detail) == (None, None)


@pytest.mark.parametrize(
    ("reason", "status"),
    [("malformed", 401), ("refused", 401), ("forbidden", 403), ("unavailable", 503)],
)
def test_each_reason_has_a_status(reason: str, status: int) -> None:
    assert UnverifiedKey(reason).http_status == status  # type: ignore[arg-type]  # one of them
