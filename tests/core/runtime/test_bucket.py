"""Permits: a few at once, and then one now and then."""

from __future__ import annotations

import pytest

from descope_async._runtime.bucket import Bucket
from tests.quick_time import VirtualTime


def test_a_full_bucket_has_a_few_and_then_one_now_and_then() -> None:
    clock = VirtualTime()
    bucket = Bucket(clock, size=3, every=10)
    assert [bucket.take() for _ in range(4)] == [True, True, True, False]
    assert bucket.take_or_wait() == pytest.approx(10)
    clock.at += 4
    assert not bucket.take()
    assert bucket.take_or_wait() == pytest.approx(6, abs=1e-4)
    clock.at += 6.001
    assert bucket.take_or_wait() == 0
    assert not bucket.take()


def test_a_bucket_holds_no_more_than_its_size() -> None:
    clock = VirtualTime()
    bucket = Bucket(clock, size=2, every=1)
    clock.at += 1_000
    assert [bucket.take() for _ in range(3)] == [True, True, False]
