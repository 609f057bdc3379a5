"""Ends with a secret that nobody has read, in the way that its argument says."""

from __future__ import annotations

import asyncio
import gc
import logging
import sys
from contextlib import suppress

import descope_sync
from descope_async import CreatedAccessKey, DescopeClient, OutcomeUnknown
from descope_async.emulator import Fault
from descope_sync.emulator import Emulator

kept: list[object] = []


def client_of(emulator: Emulator) -> DescopeClient:
    return DescopeClient(emulator.project_id, emulator.management_key, base_url=emulator.base_url)


def held(emulator: Emulator) -> None:
    """The value lives until the process ends."""
    with descope_sync.DescopeClient(
        emulator.project_id, emulator.management_key, base_url=emulator.base_url
    ) as client:
        kept.append(client.mgmt.access_key.create("held"))


def dropped(emulator: Emulator) -> None:
    """The value is dropped after its loop has ended."""

    async def main() -> CreatedAccessKey:
        async with client_of(emulator) as client:
            return await client.mgmt.access_key.create("dropped")

    asyncio.run(main())
    gc.collect()


def pending_loop(emulator: Emulator) -> None:
    """The loop is closed before the answer comes."""
    emulator.faults.add(Fault("delay", "access_key.create", seconds=5))
    loop = asyncio.new_event_loop()
    client = client_of(emulator)
    task = loop.create_task(client.mgmt.access_key.create("pending_loop"))
    while not emulator.requests.count("access_key.create"):
        loop.run_until_complete(asyncio.sleep(0.01))
    loop.close()
    kept.extend((client, task))


def pending_exit(emulator: Emulator) -> None:
    """The process ends before the answer comes, with a loop that stands still."""
    emulator.faults.add(Fault("delay", "access_key.create", seconds=5))
    loop = asyncio.new_event_loop()
    client = client_of(emulator)
    task = loop.create_task(client.mgmt.access_key.create("pending_exit"))
    while not emulator.requests.count("access_key.create"):
        loop.run_until_complete(asyncio.sleep(0.01))
    kept.extend((client, task, loop))


def thrown_away(emulator: Emulator) -> None:
    """The error that has the value is thrown away."""
    emulator.faults.add(Fault("delay", "access_key.create", seconds=0.3))

    async def main() -> None:
        async with client_of(emulator) as client:
            task = asyncio.create_task(client.mgmt.access_key.create("thrown_away"))
            while not emulator.requests.count("access_key.create"):  # noqa: ASYNC110 - it tells nobody
                await asyncio.sleep(0.01)
            task.cancel()
            with suppress(OutcomeUnknown):
                await task

    asyncio.run(main())


logging.basicConfig(format="%(levelname)s %(message)s", stream=sys.stdout)
logging.getLogger("asyncio").setLevel(logging.CRITICAL)
with Emulator() as running:
    globals()[sys.argv[1]](running)
print("the end")
