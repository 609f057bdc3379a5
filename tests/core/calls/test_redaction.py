"""What is shown of what a server said."""

from __future__ import annotations

from itertools import pairwise

import pytest
from attrs import asdict
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
        ("x " * 251, "x " * 250),
        (". " * 249 + "." + KEY, ". " * 249 + ".…"),
        (f"of {'k' * 39}", f"of {'k' * 39}"),
        (f"of {'k' * 40}", "of …"),
        ("of Ab3_-+=9" + "z" * 60 + "!", "of …!"),
        ("id 123e4567-e89b-12d3-a456-426614174000", "id 123e4567-e89b-12d3-a456-426614174000"),
        ("jwt=eyJhbGciOiJI.eyJzdWIiOiJK.c2ln, etc", "jwt=…, etc"),
        ("half of eyJhbGciOiJIUzI1NiJ9.", "half of …"),
        ("eyJ is how they begin", "eyJ is how they begin"),
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
    assert redaction(KEY).shown("x " * 9000, 2000) == "x " * 1000


def test_other_keys_are_taken_out_too() -> None:
    others = [Secret("other-key-of-the-client"), Secret("x"), Secret("pqr")]
    made = Redaction(Secret(f"P1:{KEY}"), others)
    assert (
        made.shown(f"<{KEY}> <other-key-of-the-client> <other-ke> <pqr> x") == "<…> <…> <…> <…> x"
    )
    assert Redaction(None, [Secret("other-key")]).shown("other-key") == "…"


def test_an_id_may_be_longer_than_a_key() -> None:
    traced = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    assert redaction(KEY).shown_id(traced) == traced
    assert redaction(KEY).shown_id(f"{KEY}\n eyJhbGciOiJI.eyJzdWIiOiJK.c2ln") == "…  …"
    assert redaction(KEY).shown_id(None) is None


@given(st.lists(st.integers(0, len(KEY)), min_size=2, max_size=8))
def test_no_part_of_a_key_is_shown(cuts: list[int]) -> None:
    said = "".join(KEY[min(pair) : max(pair)] for pair in pairwise(cuts))
    shown = redaction(KEY).shown(said) or ""
    assert not any(KEY[at : at + 8] in shown for at in range(len(KEY) - 7))


def test_nothing_shows_the_key() -> None:
    made = redaction(KEY)
    assert made.shown(KEY) == "…"
    assert KEY[:8] not in f"{made!r} {asdict(made)}"


def test_redaction_is_linear() -> None:
    def work(size: int) -> int:
        return steps(lambda: redaction(KEY * size).shown("K" * 4000))

    assert work(40) < 2.2 * work(20)
