"""``python -m tests.soak``: calls under fire for a while; fails if anything was lost or left."""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from pathlib import Path

from tests import ports

from .ledger import Ledger
from .run import Resources, Soak, seeded
from .service import Service

#: Bytes by which the memory may grow: what the ledgers hold, and what the allocator does not return.
_SLACK, _FOR_AN_ENTRY = 48 * 2**20, 2048


async def _soak(seconds: float, seed: int, data: Path) -> list[str]:
    soak = Soak(Service(ports.unused(), data), seeded(seed))
    soak.service.start(misbehaves=True)
    # What is made once, such as the facade's loop, is there after the first part.
    await soak.work(seconds / 4)
    before = Resources.now()
    started = time.monotonic()
    await soak.work(seconds * 3 / 4)
    lasted = time.monotonic() - started
    after = Resources.now()
    total = await soak.reckon()
    soak.service.kill()
    _show(soak, total, before, after, lasted)
    return total.problems + _left(before, after, len(total.entries))


def _left(before: Resources, after: Resources, entries: int) -> list[str]:
    problems = [
        f"{name}: {getattr(before, name)} before, {getattr(after, name)} after"
        for name in ("descriptors", "tasks", "threads", "sessions")
        if getattr(after, name) > getattr(before, name)
    ]
    if after.memory - before.memory > _SLACK + entries * _FOR_AN_ENTRY:
        problems.append(f"memory: {before.memory:,} before, {after.memory:,} after")
    return problems


def _show(soak: Soak, total: Ledger, before: Resources, after: Resources, lasted: float) -> None:
    for ending, count in sorted(total.endings.items()):
        print(f"{count:8} {ending}")
    print(f"{soak.service.kills:8} kills of the service")
    print(f"{soak.forks:8} forks")
    print(f"{soak.cancelled:8} cancellations")
    print(f"{len(total.entries):8} keys that were asked for")
    print("before:", before)
    print(f"after {lasted:.0f} s:", after)


def main() -> int:
    """Run it."""
    parser = argparse.ArgumentParser(prog="soak", description=__doc__)
    parser.add_argument("--seconds", type=float, default=180)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        problems = asyncio.run(_soak(arguments.seconds, arguments.seed, Path(folder) / "data"))
    for problem in problems:
        print("PROBLEM:", problem)
    return bool(problems)


if __name__ == "__main__":
    sys.exit(main())
