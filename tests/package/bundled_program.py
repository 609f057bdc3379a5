"""A program as users bundle it: it tries both packages on a local Descope, and says "it works"."""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress

import descope_async
import descope_sync
from descope_sync.compat import AuthException
from descope_sync.compat import DescopeClient as CompatClient
from descope_sync.emulator import Emulator


async def awaited(base_url: str, project_id: str, access_key: str) -> None:
    async with descope_async.DescopeClient(project_id, base_url=base_url) as client:
        session = await client.exchange_access_key(access_key)
        assert (await client.validate_session(session.jwt)).project_id == project_id
        assert await client.token_source(access_key).token()


def main() -> None:
    assert descope_async.__version__ == descope_sync.__version__
    with Emulator() as emulator:
        ids = emulator.project_id, emulator.management_key
        with descope_sync.DescopeClient(*ids, base_url=emulator.base_url) as client:
            created = client.mgmt.access_key.create("bundled")
            assert client.access_key_verifier().verify(created.cleartext)
            with suppress(descope_sync.NotFound):
                client.mgmt.access_key.load("no-such-key")
        asyncio.run(awaited(emulator.base_url, emulator.project_id, created.cleartext))
        with suppress(AuthException):
            CompatClient(emulator.project_id, base_url=emulator.base_url).exchange_access_key("x")
    # What an https connection trusts, which some bundles bring along and others do not.
    descope_sync.DescopeClient("P1").close()
    print("it works on", sys.version.split()[0])


if __name__ == "__main__":
    main()
