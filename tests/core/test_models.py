"""The values that calls take and return."""

from __future__ import annotations

import copy
import pickle
import time
import traceback
from datetime import UTC, datetime
from typing import Any

import pytest

from descope_async import (
    AccessKey,
    AccessKeyLoginOptions,
    AssociatedTenant,
    InvalidArgument,
    SessionToken,
)


def test_times_come_as_seconds_and_as_datetimes() -> None:
    key = AccessKey(id="a", created_time=0, expire_time=1_893_456_000)
    assert key.created_at == datetime(1970, 1, 1, tzinfo=UTC)
    assert key.expires_at == datetime(2030, 1, 1, tzinfo=UTC)
    assert AccessKey(id="a").expires_at is None
    assert AccessKey(id="a", expire_time=2**62).expires_at == datetime.max.replace(tzinfo=UTC)


def test_an_expired_key_is_not_active() -> None:
    past, future = int(time.time()) - 1, int(time.time()) + 100  # noqa: TID251 - the real clock
    assert AccessKey(id="a", status="active").is_active
    assert AccessKey(id="a", status="active", expire_time=future).is_active
    assert not AccessKey(id="a", status="active", expire_time=past).is_active
    assert not AccessKey(id="a", status="inactive").is_active


def test_what_is_nested_too_deeply_is_refused() -> None:
    deep: dict[str, Any] = {}
    for _ in range(100_000):
        deep = {"canary": deep}
    circular: dict[str, Any] = {}
    circular["canary"] = circular
    for claims in (deep, circular):
        for make in (
            lambda claims=claims: AccessKeyLoginOptions(claims),
            lambda claims=claims: AssociatedTenant("t1", extra=claims),
            lambda claims=claims: AccessKey(id="a", custom_claims=claims),
            lambda claims=claims: SessionToken(
                jwt="j", key_id="k", project_id="p", expire_time=1, claims=claims
            ),
        ):
            with pytest.raises(InvalidArgument, match="nested too deeply") as caught:
                make()
            assert caught.value.__context__ is None
            assert len(traceback.extract_tb(caught.value.__traceback__)) < 10


def test_values_are_hashable_picklable_and_frozen() -> None:
    key = AccessKey(id="a", custom_claims={"k": [1]})
    assert hash(key) == hash(copy.deepcopy(key))
    assert pickle.loads(pickle.dumps(key)) == key  # noqa: S301 - our own
    with pytest.raises(AttributeError):
        key.name = "x"  # type: ignore[misc]  # the point of the test
