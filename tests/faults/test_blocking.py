"""Every call of `descope_sync` ends as documented, whatever goes wrong."""

from __future__ import annotations

import asyncio

from tests.faults.check import deviations, size
from tests.faults.matrix import run


def test_every_call_ends_as_documented() -> None:
    cells = asyncio.run(run(blocking=True))
    assert deviations(cells) == []
    assert len(cells) == size()
