"""Batch work in a process of its own, to be killed: ``work.py`` with its orders as JSON."""

from __future__ import annotations

import asyncio
import json
import os
import resource
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from descope_async import DescopeClient
from descope_async.batch import Batch, BatchReport, BatchStopped
from descope_sync import DescopeClient as BlockingClient
from descope_sync.batch import Batch as BlockingBatch

ACCOUNT = ("project_id", "management_key")
#: Short, since the service misbehaves.
TIMES: dict[str, Any] = {
    "timeouts": {"read": 1, "secret": 2, "deadline": 4, "exchange": 4},
    "retries": {"quota": 100_000},
}


def settings(orders: dict[str, Any]) -> dict[str, Any]:
    return {
        "rate": None,
        "settle_after": orders["settle_after"],
        "prove": orders.get("prove", False),
    }


async def carry_out(orders: dict[str, Any]) -> BatchReport:
    account = [orders[name] for name in ACCOUNT]
    async with DescopeClient(*account, base_url=orders["base_url"], **TIMES) as client:
        batch = Batch(client, orders["journal"], orders["sinks"], **settings(orders))
        operate = getattr(batch, orders["operation"])
        result: BatchReport = await operate(orders["items"], **orders.get("options", {}))
        return result


def carry_out_blocking(orders: dict[str, Any]) -> BatchReport:
    account = [orders[name] for name in ACCOUNT]
    with BlockingClient(*account, base_url=orders["base_url"], **TIMES) as client:
        batch = BlockingBatch(client, orders["journal"], orders["sinks"], **settings(orders))
        operate = getattr(batch, orders["operation"])
        result: BatchReport = operate(orders["items"], **orders.get("options", {}))
        return result


def at(kind: str, number: int, act: Callable[[], object]) -> None:
    """Do something as soon as this process has written so many lines of a kind into the journal."""
    write, left = os.write, number
    mark = b'{"journal"' if kind == "header" else f'"k":"{kind}"'.encode()

    def writing(descriptor: int, data: Any) -> int:
        nonlocal left
        written = write(descriptor, data)
        if mark in bytes(data):
            left -= 1
            if not left:
                act()
        return written

    os.write = writing


def break_sink(folder: Path) -> None:
    """Let no secret be stored any more: a file stands where the sink's folder was, or is to be."""
    while not folder.is_file():
        with suppress(FileNotFoundError):  # on a busy machine, nothing is stored yet
            folder.rename(folder.with_name(f"{folder.name}.away"))
        folder.touch()


if __name__ == "__main__":
    orders = json.loads(sys.stdin.read())
    if "largest_file" in orders:
        resource.setrlimit(resource.RLIMIT_FSIZE, (orders["largest_file"], resource.RLIM_INFINITY))
    if "die_at" in orders:
        kill = partial(os.kill, os.getpid(), signal.SIGKILL)
        at(orders["die_at"], orders["die_after"], kill)
    if "break_sink_at" in orders:
        sink = Path(orders["sinks"][0].removeprefix("file:")).parent
        at("made", orders["break_sink_at"], partial(break_sink, sink))
    try:
        if orders.get("blocking"):
            report = carry_out_blocking(orders)
        else:
            report = asyncio.run(carry_out(orders))
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    except BatchStopped as error:
        print(error, flush=True)
        raise SystemExit(3) from None
    print(report, flush=True)
    raise SystemExit(0 if report.is_complete else 4)
