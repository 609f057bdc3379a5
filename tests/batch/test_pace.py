"""Calls come at the rate that was asked for, or at the one that the service bears."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from descope_async import InvalidArgument
from descope_async.batch import Batch, Progress
from descope_async.emulator import Emulator, Fault

MakeBatch = Callable[..., Batch]
ITEMS = [{"name": "a"}] * 8


async def test_a_rate_is_kept(make_batch: MakeBatch, memory_store: Any, emulator: Emulator) -> None:
    began = emulator.clock.now()
    await make_batch(memory_store(), rate=10).create(ITEMS)
    assert emulator.clock.now() - began > 0.7


async def test_by_default_it_begins_slowly_and_gets_faster(
    make_batch: MakeBatch, memory_store: Any, emulator: Emulator
) -> None:
    seen: list[Progress] = []
    began = emulator.clock.now()
    await make_batch(memory_store(), rate="auto", progress=seen.append).create(ITEMS)
    passed = emulator.clock.now() - began
    assert passed > 3.5  # 8 keys at 1.5 a second would take 4.7
    assert seen[-1].rate < 3


async def test_a_rate_limit_makes_it_slower(
    make_batch: MakeBatch, memory_store: Any, emulator: Emulator
) -> None:
    """The client waits for a second by itself, and the pace falls to 1.05 calls a second."""
    emulator.faults.add(Fault("rate_limit", "access_key.create", retry_after=1, nth=1))
    began = emulator.clock.now()
    await make_batch(memory_store(), rate="auto").create(ITEMS[:5])
    assert emulator.clock.now() - began > 4.2  # without a limit, 2.7


@pytest.mark.parametrize("rate", [0, -1, True, "fast", 10_000])
async def test_a_rate_that_is_none(make_batch: MakeBatch, rate: Any) -> None:
    with pytest.raises(InvalidArgument, match="rate must be"):
        make_batch(rate=rate)
