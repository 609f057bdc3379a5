"""What headers of an answer say."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from descope_async._calls.answer_headers import request_id, retry_after
from descope_async._calls.redaction import Redaction
from descope_async._values.secret import Secret

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
    headers = {} if header is None else {"Retry-After": header}
    assert retry_after(headers, lambda: NOW) == seconds


@given(st.text())
@example("0\x1f")
def test_any_retry_after_is_bounded(header: str) -> None:
    seconds = retry_after({"Retry-After": header}, lambda: NOW)
    assert seconds is None or 0 <= seconds <= 86_400


def test_a_date_counts_from_that_of_the_answer() -> None:
    headers = {"Retry-After": "Tue, 14 Nov 2023 22:13:50 GMT"}
    for date, seconds in [("Tue, 14 Nov 2023 22:13:45 GMT", 5), ("today", 30)]:
        assert retry_after({**headers, "Date": date}, lambda: NOW) == seconds


def test_the_id_of_a_request() -> None:
    redaction = Redaction(Secret("P1:Kcanary0123456789"))
    assert request_id({}, redaction) is None
    assert request_id({"cf-ray": "8f"}, redaction) == "8f"
    assert request_id({"x-request-id": "r1", "cf-ray": "8f"}, redaction) == "r1"
    echo = request_id({"x-request-id": "r1 Kcanary0123456789\n"}, redaction)
    assert echo == "r1 … "
