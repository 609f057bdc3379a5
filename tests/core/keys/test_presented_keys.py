"""What is remembered of the access keys that callers present."""

from __future__ import annotations

from typing import Any

from descope_async import (
    UnverifiedKey,
)
from descope_async._keys.presented_keys import KnownAnswer, PresentedKeys


def kept(asked_at: float, reason: Any = "refused") -> KnownAnswer:
    return KnownAnswer(UnverifiedKey(reason), asked_at, 2_000, 3_000)


def test_memory_is_bounded_and_junk_crowds_out_no_good_key() -> None:
    known = PresentedKeys()
    known.accept(b"good", kept(0))
    known.accept(b"unused", kept(0))
    for number in range(25_000):
        known.refuse(b"r%d" % number, kept(0))
        known.fail(b"f%d" % number, kept(0), 0)
    assert known.find(b"good")
    for number in range(9_999):
        known.accept(b"a%d" % number, kept(0))
        assert known.find(b"good")
    assert known.find(b"good")
    assert known.find(b"unused") is None
    accepted = [b"good", *(b"a%d" % number for number in range(9_999))]
    others = [b"%c%d" % (kind, number) for kind in b"rf" for number in range(25_000)]
    assert [
        sum(known.find(each) is not None for each in names) for names in (accepted, others)
    ] == [
        10_000,
        10_000,
    ]


def test_an_answer_from_a_loop_that_stood_still_changes_nothing() -> None:
    known = PresentedKeys()
    known.refuse(b"k", kept(5))
    known.accept(b"k", kept(4, "valid"))
    assert known.find(b"k") == kept(5)
    known.accept(b"k", kept(6, "valid"))
    assert known.find(b"k") == kept(6, "valid")
