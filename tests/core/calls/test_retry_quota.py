"""What may be spent on repeats."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from descope_async._calls.retry_quota import RetryQuota


@given(
    st.lists(st.tuples(st.booleans(), st.booleans(), st.integers(0, 20)), max_size=200),
    st.integers(0, 300),
)
def test_a_quota_has_bounds(steps: list[tuple[bool, bool, int]], size: int) -> None:
    quota = RetryQuota(size)
    for takes, is_throttled, amount in steps:
        if takes:
            before = quota.left
            paid = quota.take(is_throttled=is_throttled)
            cost = 5 if is_throttled else 14
            assert paid == (cost if before >= cost else 0)
        else:
            quota.give_back(amount)
        assert 0 <= quota.left <= size
