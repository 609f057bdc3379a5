"""Under trio the core says what to do instead, and that works."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

import descope_sync
from descope_async import ConfigurationError, DescopeClient

trio: Any = import_module("trio")
base_url, project_id, management_key = sys.argv[1:]


async def main() -> None:
    client = DescopeClient(project_id, management_key, base_url=base_url)
    for call in (client.mgmt.access_key.create, client.exchange_access_key):
        try:
            await call("K2made-up")
        except ConfigurationError as error:
            print(error)
    await client.aclose()
    with descope_sync.DescopeClient(project_id, management_key, base_url=base_url) as blocking:
        created = await trio.to_thread.run_sync(blocking.mgmt.access_key.create, "n")
        print(created.key.name if created.cleartext else "no secret")


trio.run(main)
