"""Who is measured: ours, the official SDK, and the HTTP library alone, each with open connections."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, ExitStack, contextmanager
from typing import Final

import aiohttp
import httpx
from attrs import frozen
from descope import DescopeClient as OfficialClient
from descope.descope_client_async import DescopeClientAsync as OfficialAsyncClient

import descope_sync
from descope_async import DescopeClient

from .answers import ACCESS_KEY, EXCHANGE, KEY_ID, LOAD, MANAGEMENT_KEY, PROJECT, SEARCH
from .floors import awaited_load, blocking_load, promised_load
from .servers import Site

#: The peers, as the tables name them.
OFFICIAL_ASYNC: Final = "official async"
OFFICIAL_SYNC: Final = "official sync"
_BEARER: Final = f"{PROJECT}:{MANAGEMENT_KEY}"
_AUTHORIZED: Final = {"Authorization": f"Bearer {_BEARER}"}


@frozen
class Awaited:
    """What a client that is awaited can do.

    Attributes:
        load: Load a key.
        search: Find all keys.
        exchange: Get a session token.
        promised_load: Load a key in the way of `promised_load`; None for all but the floor.
    """

    load: Callable[[], Awaitable[object]]
    search: Callable[[], Awaitable[object]]
    exchange: Callable[[], Awaitable[object]]
    promised_load: Callable[[], Awaitable[object]] | None = None


@contextmanager
def asynchronous(site: Site) -> Iterator[tuple[asyncio.Runner, dict[str, Awaited]]]:
    """The clients that are awaited, open on one event loop: ours, a peer, and the floor."""
    stack = AsyncExitStack()
    with asyncio.Runner() as runner:
        try:
            yield runner, runner.run(_open(site, stack))
        finally:
            runner.run(stack.aclose())


async def _open(site: Site, stack: AsyncExitStack) -> dict[str, Awaited]:
    ours = await stack.enter_async_context(
        DescopeClient(PROJECT, MANAGEMENT_KEY, base_url=site.url, ssl=site.trust())
    )
    with _trusting(site):
        official = await stack.enter_async_context(
            OfficialAsyncClient(PROJECT, management_key=MANAGEMENT_KEY, base_url=site.url)
        )
    bare = await stack.enter_async_context(
        aiohttp.ClientSession(
            headers=_AUTHORIZED, connector=aiohttp.TCPConnector(ssl=site.trust() or True)
        )
    )
    promised = await stack.enter_async_context(
        aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=site.trust() or True),
            cookie_jar=aiohttp.DummyCookieJar(),
        )
    )
    where = site.url + LOAD

    return {
        "ours": Awaited(
            lambda: ours.mgmt.access_key.load(KEY_ID),
            ours.mgmt.access_key.search_all_access_keys,
            lambda: ours.exchange_access_key(ACCESS_KEY),
        ),
        "peer": Awaited(
            lambda: official.mgmt.access_key.load(KEY_ID),
            official.mgmt.access_key.search_all_access_keys,
            lambda: official.exchange_access_key(ACCESS_KEY),
        ),
        "floor": Awaited(
            lambda: awaited_load.get(bare, f"{site.url}{LOAD}?id={KEY_ID}"),
            lambda: awaited_load.post(bare, site.url + SEARCH, {"tenantIds": []}),
            lambda: awaited_load.post(bare, site.url + EXCHANGE, {"loginOptions": {}}),
            lambda: promised_load.load(promised, where, KEY_ID, _BEARER),
        ),
    }


@contextmanager
def synchronous(site: Site) -> Iterator[dict[str, Callable[[], object]]]:
    """The blocking clients' load."""
    with ExitStack() as stack:
        ours = stack.enter_context(
            descope_sync.DescopeClient(PROJECT, MANAGEMENT_KEY, base_url=site.url, ssl=site.trust())
        )
        with _trusting(site):
            official = OfficialClient(PROJECT, management_key=MANAGEMENT_KEY, base_url=site.url)
        bare = stack.enter_context(httpx.Client(headers=_AUTHORIZED, verify=site.trust() or True))
        yield {
            "ours": lambda: ours.mgmt.access_key.load(KEY_ID),
            "peer": lambda: official.mgmt.access_key.load(KEY_ID),
            "floor": lambda: blocking_load.get(bare, f"{site.url}{LOAD}?id={KEY_ID}"),
        }


@contextmanager
def _trusting(site: Site) -> Iterator[None]:
    """The official SDK learns of a private authority from this variable only."""
    if site.ca is None:
        yield
        return
    os.environ["REQUESTS_CA_BUNDLE"] = str(site.ca)
    try:
        yield
    finally:
        del os.environ["REQUESTS_CA_BUNDLE"]
