"""When a call is tried again."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from descope_async import (
    BadRequest,
    ClientClosed,
    ConfigurationError,
    DescopeError,
    ProxyRefused,
    TLSFailed,
)
from descope_async._calls.retry_rules import judge, pause
from tests.failures import FAILURES, LIMITS


def test_no_certificate_and_no_argument_is_better_the_second_time() -> None:
    for failure in (
        TLSFailed("?"),
        ProxyRefused("?"),
        ConfigurationError("?"),
        ClientClosed("?"),
        BadRequest("?"),
    ):
        assert not judge(failure).is_worth_repeating
        assert not judge(failure).may_be_done


def test_a_client_that_is_closed_leaves_open_what_became_of_what_was_sent() -> None:
    assert judge(ClientClosed("?"), is_sent=True).may_be_done


@given(
    repeats=st.integers(0, 40),
    asked=st.none() | st.floats(0, 86_400),
    part=st.floats(0, 1),
    failure=FAILURES | LIMITS,
)
def test_pauses_have_bounds(
    repeats: int, asked: float | None, part: float, failure: DescopeError
) -> None:
    verdict = judge(failure)
    seconds = pause(verdict, repeats, asked, lambda low, high: low + part * (high - low))
    first = 1 if verdict.is_throttled else 0.1
    assert (asked or 0) <= seconds
    assert seconds <= max(min(20, first * 2**repeats), (asked or 0) * 1.1 + 1e-9)
