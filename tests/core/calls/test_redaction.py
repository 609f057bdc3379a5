"""What is shown of what a server said."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from descope_async._calls.redaction import Redaction
from descope_async._values.secret import Secret
from tests.steps import steps

KEY = "Kcanary0123456789"


def redaction(*keys: str) -> Redaction:
    return Redaction(Secret(":".join(["P1", *keys])))


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (None, None),
        ("", ""),
        ("nothing", "nothing"),
        ("P1 is shown", "P1 is shown"),
        (KEY, "…"),
        (f"<{KEY}>", "<…>"),
        (f"{KEY}{KEY}", "……"),
        (f"{KEY} {KEY}", "… …"),
        ("part: canary01", "part: …"),
        ("short: canary0", "short: canary0"),
        (f"{KEY[:9]}{KEY[3:]}", "……"),
        ("a\r\nb\x00\udc80c", "a b c"),
        ("x" * 501, "x" * 500),
        ("x" * 499 + KEY, "x" * 499 + "…"),
    ],
)
def test_what_is_shown(said: str | None, shown: str | None) -> None:
    assert redaction(KEY).shown(said) == shown


def test_every_key_of_a_request_is_taken_out() -> None:
    assert (
        redaction("Kaccess012345", "Kmanagement01").shown("Kaccess012345, Kmanagement01") == "…, …"
    )
    assert redaction("abc", "x").shown("abc x") == "… x"
    assert Redaction(None).shown(KEY) == KEY


def test_how_much_is_shown() -> None:
    assert redaction(KEY).shown("x" * 9000, 2000) == "x" * 2000


@given(st.lists(st.integers(0, len(KEY)), min_size=2, max_size=8))
def test_no_part_of_a_key_is_shown(cuts: list[int]) -> None:
    said = "".join(KEY[min(pair) : max(pair)] for pair in pairwise(cuts))
    shown = redaction(KEY).shown(said) or ""
    assert not any(KEY[at : at + 8] in shown for at in range(len(KEY) - 7))


def test_nothing_shows_the_key() -> None:
    made = redaction(KEY)
    assert KEY[:8] not in f"{made!r} {vars(made)}"


def test_redaction_is_linear() -> None:
    def work(size: int) -> int:
        return steps(lambda: redaction(KEY * size).shown("K" * 4000))

    assert work(40) < 2.2 * work(20)
