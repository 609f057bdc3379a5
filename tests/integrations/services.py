"""Callers of a local Descope, and real servers for applications."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import pytest

import descope_async
from descope_async import CreatedAccessKey
from descope_async.emulator.mint import TokenMint
from descope_sync import DescopeClient
from descope_sync.emulator import Emulator

#: The first request of a caller of an MCP server, and what it accepts.
INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "a test", "version": "1"},
    },
}
ACCEPT = {"Accept": "application/json, text/event-stream"}


class Callers:
    """Makes access keys and tokens in a local Descope."""

    def __init__(self, emulator: Emulator) -> None:
        self.emulator = emulator
        self.client = DescopeClient(
            emulator.project_id, emulator.management_key, base_url=emulator.base_url
        )

    def key(
        self,
        permissions: Sequence[str] = (),
        *,
        tenants: Mapping[str, Sequence[str]] | None = None,
        **more: Any,
    ) -> CreatedAccessKey:
        """An access key with these permissions, and by tenant with others."""
        key_tenants = []
        for tenant, names in (tenants or {}).items():
            self.emulator.create_tenant(tenant)
            self.emulator.create_role(f"in {tenant}", names)
            key_tenants.append({"tenant_id": tenant, "role_names": [f"in {tenant}"]})
        roles = []
        if permissions:
            roles.append(f"may {' '.join(permissions)}")
            self.emulator.create_role(roles[0], permissions)
        return self.client.mgmt.access_key.create(
            "caller", role_names=roles or None, key_tenants=key_tenants or None, **more
        )

    def token(self, permissions: Sequence[str] = (), **more: Any) -> str:
        """A session token of such a key."""
        return self.exchange(self.key(permissions, **more).cleartext)

    def exchange(self, access_key: str) -> str:
        return self.client.exchange_access_key(access_key).jwt


def bearer(token: str) -> dict[str, str]:
    """The headers with a token."""
    return {"Authorization": f"Bearer {token}"}


def _run(server: Any) -> None:
    with suppress(SystemExit):  # the application does not start, which its log tells
        server.run()


@contextmanager
def serving(app: Any, **options: Any) -> Iterator[str]:
    """Serve an ASGI application with uvicorn, on a thread of its own."""
    uvicorn = pytest.importorskip("uvicorn")
    config = uvicorn.Config(
        app,
        log_config=None,
        lifespan="on",
        timeout_graceful_shutdown=5,
        **{"port": 0, **options},
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=_run, args=[server])
    thread.start()
    try:
        while thread.is_alive() and not server.started:
            time.sleep(0.005)
        if not server.started:
            raise RuntimeError("the application did not start")
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(30)


def offline() -> tuple[descope_async.DescopeClient, Callable[..., str]]:
    """A client that needs no server, and what makes tokens for it."""
    mint = TokenMint()
    return descope_async.DescopeClient(mint.project_id, public_key=mint.key_set), mint.token
