"""The floor of `descope-keys list`: what somebody would write who has the client and no command line."""

import asyncio

from descope_async import DescopeClient


async def main() -> None:
    """Print all keys."""
    async with DescopeClient() as client:
        for key in await client.mgmt.access_key.search_all_access_keys():
            print(
                key.id, key.name, key.status, key.expire_time, ", ".join(key.role_names), sep="\t"
            )


asyncio.run(main())
