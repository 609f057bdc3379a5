"""When to ask again."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from descope_async._calls.retry_rules import retry_after

NOW = 1_700_000_000


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("", None),
        ("soon", None),
        ("10", 10),
        ("1.5", 1.5),
        ("-5", None),
        ("nan", None),
        ("inf", None),
        ("1e3", None),
        ("9" * 400, 86_400),
        ("99999999999", 86_400),
        ("Tue, 14 Nov 2023 22:13:50 GMT", 30),
        ("Tue, 14 Nov 2023 22:00:00 GMT", 0),
        ("Tue, 14 Nov 99999 22:13:50 GMT", None),
    ],
)
def test_retry_after(header: str | None, seconds: float | None) -> None:
    assert retry_after(header, now=NOW) == seconds


@given(st.text())
@example("0\x1f")
def test_any_retry_after_is_bounded(header: str) -> None:
    seconds = retry_after(header, now=NOW)
    assert seconds is None or 0 <= seconds <= 86_400
