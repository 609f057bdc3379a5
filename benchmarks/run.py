"""Ours, the official SDK and the floor, side by side against a local Descope in another process.

Rounds alternate, so that a machine that slows down slows all of them. Ratios are what to read.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from statistics import median

import aiohttp
from descope.descope_client_async import DescopeClientAsync

from descope_async import DescopeClient

Call = Callable[[], Awaitable[object]]
CALLS = 400


@contextmanager
def local_descope() -> Iterator[dict[str, str]]:
    """The variables of a Descope in another process."""
    command = [sys.executable, "-m", "descope_async.cli", "emulator", "--env"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            found: dict[str, str] = {}
            while len(found) < 4:  # noqa: PLR2004 - the variables it prints
                match = re.match(r"export (\w+)=(.*)", process.stdout.readline())
                if match:
                    found[match[1]] = match[2].strip("'")
            yield found
        finally:
            process.terminate()


async def seconds_per_call(call: Call, at_once: int) -> float:
    """The wall time of a call when so many run at once."""

    async def work() -> None:
        for _ in range(CALLS // at_once):
            await call()

    start = time.perf_counter()
    await asyncio.gather(*(work() for _ in range(at_once)))
    return (time.perf_counter() - start) / CALLS


async def compare(calls: dict[str, Call], at_once: int, rounds: int) -> dict[str, float]:
    """The median seconds of each call."""
    taken: dict[str, list[float]] = {name: [] for name in calls}
    for call in calls.values():
        await call()
    for _ in range(rounds):
        for name, call in calls.items():
            taken[name].append(await seconds_per_call(call, at_once))
    return {name: median(found) for name, found in taken.items()}


async def measure(rounds: int) -> dict[str, dict[str, float]]:
    """Every row of the table: seconds by contender."""
    with local_descope() as environment:
        base_url, project = environment["DESCOPE_BASE_URI"], environment["DESCOPE_PROJECT_ID"]
        key = environment["DESCOPE_MANAGEMENT_KEY"]
        os.environ.update(environment)
        async with AsyncExitStack() as stack:
            ours = await stack.enter_async_context(DescopeClient())
            official = await stack.enter_async_context(
                DescopeClientAsync(project, management_key=key, base_url=base_url)
            )
            bare = await stack.enter_async_context(
                aiohttp.ClientSession(headers={"Authorization": f"Bearer {project}:{key}"})
            )
            created = await ours.mgmt.access_key.create("benchmark")
            token = (await ours.exchange_access_key(created.cleartext)).jwt
            url = f"{base_url}/v1/mgmt/accesskey?id={created.key.id}"

            async def floor() -> object:
                async with bare.get(url) as response:
                    return json.loads(await response.read())

            loads: dict[str, Call] = {
                "ours": lambda: ours.mgmt.access_key.load(created.key.id),
                "official": lambda: official.mgmt.access_key.load(created.key.id),
                "floor": floor,
            }
            validations: dict[str, Call] = {
                "ours": lambda: ours.validate_session(token),
                "official": lambda: official.validate_session(token),
            }
            return {
                "load, one after the other": await compare(loads, 1, rounds),
                "load, 50 at once": await compare(loads, 50, rounds),
                "validate, keys known": await compare(validations, 1, rounds),
            }


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7, help="rounds per row")
    parser.add_argument("--json", action="store_true", help="print seconds as JSON")
    options = parser.parse_args()
    rows = asyncio.run(measure(options.rounds))
    if options.json:
        print(json.dumps(rows, indent=2))
        return
    print(f"{'median per call':28}{'ours':>10}{'official':>10}{'floor':>10}{'official/ours':>15}")
    for name, row in rows.items():
        cells = [
            f"{row[who] * 1e6:8.0f} µs" if who in row else "-"
            for who in ("ours", "official", "floor")
        ]
        ratio = row["official"] / row["ours"]
        print(f"{name:28}{cells[0]:>10}{cells[1]:>10}{cells[2]:>10}{ratio:>14.1f}x")


if __name__ == "__main__":
    main()
