"""Permits: a few at once, and then one now and then."""

from __future__ import annotations

import pytest

from descope_async._runtime.bucket import Bucket


def test_a_full_bucket_has_a_few_and_then_one_now_and_then() -> None:
    bucket = Bucket(size=3, every=10)
    assert [bucket.take_or_wait(100) for _ in range(4)] == [0, 0, 0, pytest.approx(10)]
    assert bucket.take_or_wait(104) == pytest.approx(6)
    assert bucket.take_or_wait(110.001) == 0
    assert bucket.take_or_wait(110.001) == pytest.approx(10, abs=0.01)


@pytest.mark.parametrize("start", [-5_000, 0, 5_000])
def test_a_bucket_holds_no_more_than_its_size(start: float) -> None:
    bucket = Bucket(size=2, every=1)
    for now in (start, start + 1_000):
        assert [bucket.take_or_wait(now) for _ in range(3)] == [0, 0, pytest.approx(1)]
