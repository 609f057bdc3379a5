"""Batch work in a process of its own, to be killed: ``work.py`` with its orders as JSON."""

from __future__ import annotations

import asyncio
import json
import os
import resource
import signal
import sys
from typing import Any

from descope_async import DescopeClient
from descope_async.batch import Batch, BatchReport, BatchStopped


async def carry_out(orders: dict[str, Any]) -> BatchReport:
    async with DescopeClient(
        orders["project_id"],
        orders["management_key"],
        base_url=orders["base_url"],
        timeouts={"read": 1, "secret": 2, "deadline": 4, "exchange": 4},
        retries={"quota": 100_000},
    ) as client:
        batch = Batch(
            client,
            orders["journal"],
            orders["sinks"],
            rate=None,
            settle_after=orders["settle_after"],
            prove=orders.get("prove", False),
        )
        items, options = orders.get("items"), orders.get("options", {})
        if items is None:
            return await batch.resume()
        result: BatchReport = await getattr(batch, orders["operation"])(items, **options)
        return result


def die_at(kind: str, number: int) -> None:
    """Let the process be killed as soon as the journal has so many lines of a kind."""
    write, left = os.write, number

    def writing(descriptor: int, data: Any) -> int:
        nonlocal left
        written = write(descriptor, data)
        if f'"k":"{kind}"'.encode() in bytes(data):
            left -= 1
            if not left:
                os.kill(os.getpid(), signal.SIGKILL)
        return written

    os.write = writing


if __name__ == "__main__":
    orders = json.loads(sys.stdin.read())
    if "largest_file" in orders:
        resource.setrlimit(resource.RLIMIT_FSIZE, (orders["largest_file"], resource.RLIM_INFINITY))
    if "die_at" in orders:
        die_at(orders["die_at"], orders["die_after"])
    try:
        report = asyncio.run(carry_out(orders))
    except BatchStopped as error:
        print(error, flush=True)
        raise SystemExit(3) from None
    print(report, flush=True)
    raise SystemExit(0 if report.is_complete else 4)
