"""Is stopped by its parent process in the middle of a create, and says what came of it."""

from __future__ import annotations

import asyncio
import ssl
import sys
import time

from descope_async import DeliveredSecret, DescopeClient, DescopeError

way, base_url, project_id, management_key, certificate = sys.argv[1:]


async def deliver_awaited(_: DeliveredSecret) -> None:
    print("stop", flush=True)
    await asyncio.sleep(0.3)


def deliver_blocking(_: DeliveredSecret) -> None:
    print("stop", flush=True)
    time.sleep(0.3)


async def main() -> None:
    deliver = {"awaited": deliver_awaited, "blocking": deliver_blocking}.get(way)
    client = DescopeClient(
        project_id,
        management_key,
        base_url=base_url,
        ssl=ssl.create_default_context(cafile=certificate) if certificate else None,
        deliver=deliver,
        timeouts={"connect": 1, "deliver": 1},
        retries={"attempts": 1},
    )
    closing = None
    async with client:
        create = asyncio.create_task(client.mgmt.access_key.create("n"))
        if way == "closing":
            await asyncio.to_thread(sys.stdin.readline)  # comes when the service has the request
            closing = asyncio.create_task(client.aclose())
            await asyncio.sleep(0.1)
            print("stop", flush=True)
        try:
            print(f"made {(await create).cleartext}")
        except DescopeError as error:
            print(f"{type(error).__name__}: {error}")
        if closing is not None:
            await closing


asyncio.run(main())
