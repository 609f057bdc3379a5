"""Answers that are large or that would become large, through the client's own methods."""

from __future__ import annotations

import asyncio
import gc
import gzip
import json
import time
import tracemalloc
from collections.abc import Coroutine
from typing import Any

import pytest

from descope_async import DeadlineExceeded, DescopeClient, UnexpectedResponse
from tests.servers import Servers

pytestmark = pytest.mark.usefixtures("each_decoder")

MiB = 1024 * 1024
KEY: dict[str, Any] = {
    "id": "K2" + "a" * 26,
    "name": "service",
    "roleNames": ["Backend"],
    "keyTenants": [{"tenantId": "T1", "roleNames": ["Admin"], "tenantName": "One"}],
    "customClaims": {"team": "build"},
    "createdTime": 1_763_000_000,
}


async def pauses_of(work: Coroutine[Any, Any, object]) -> list[float]:
    """For how long the event loop did nothing else, in seconds of its thread's processor time.

    That is the same on a busy machine.
    """
    pauses: list[float] = []

    async def beat() -> None:
        while True:
            began = time.thread_time()
            await asyncio.sleep(0)
            pauses.append(time.thread_time() - began)

    beating = asyncio.create_task(beat())
    await asyncio.sleep(0)
    try:
        await work
    finally:
        beating.cancel()
    return pauses


def client_of(base_url: str, **settings: Any) -> DescopeClient:
    once = {"retries": {"attempts": 1}}
    return DescopeClient("P1", "K2mgmt", base_url=base_url, **{**once, **settings})


async def test_a_search_leaves_the_loop_to_others(servers: type[Servers]) -> None:
    body = json.dumps({"keys": [KEY] * 20_000}).encode()
    async with (
        servers.running(servers.answer("200 OK", body), license=servers.licensed) as server,
        client_of(server.base_url) as client,
    ):

        async def search() -> None:
            assert len(await client.mgmt.access_key.search_all_access_keys()) == 20_000

        gc.collect()
        gc.freeze()  # so that no collection looks at what other tests left
        try:
            pauses = await pauses_of(search())
        finally:
            gc.unfreeze()
    assert max(pauses) < sum(pauses) / 4, "all at once is one pause"


async def test_the_deadline_counts_while_an_answer_is_read(servers: type[Servers]) -> None:
    body = gzip.compress(
        b'{"keys":[' + b'{"id":"a%b"},' % (b"a" * 56) * 420_000 + b'{"id":"a"}]}', 1
    )
    assert len(body) < MiB
    compressed = servers.answer("200 OK", body, "Content-Encoding: gzip")
    async with (
        servers.running(compressed, license=servers.licensed) as server,
        client_of(server.base_url, timeouts={"deadline": 0.3}) as client,
    ):

        async def search() -> None:
            with pytest.raises(DeadlineExceeded):
                await client.mgmt.access_key.search_all_access_keys()

        pauses = await pauses_of(search())
    assert max(pauses) < 2, "the whole takes several seconds"


@pytest.mark.parametrize(
    "body",
    [
        b'{"keys":[' + b"{}," * (20 * MiB // 3) + b"{}]}",
        b'{"keys":[{"id":"a","customClaims":{"x":[' + b"[]," * (20 * MiB // 3) + b"1]}}]}",
        b'{"keys":[' + b'"\\ud800",' * (20 * MiB // 9) + b"1]}",
        b'{"keys":[{"id":"a","name":"' + b'\\"' * (10 * MiB) + b'"}]}',
        b'{"keys":[' + b"[" * (2 * MiB) + b"]}",
    ],
    ids=["empty keys", "empty lists", "strings", "one long name", "deep"],
)
async def test_what_would_become_large_is_refused_before(
    body: bytes, servers: type[Servers]
) -> None:
    async with (
        servers.running(servers.answer("200 OK", body), license=servers.licensed) as server,
        client_of(server.base_url) as client,
    ):
        tracemalloc.start()
        try:
            with pytest.raises(UnexpectedResponse):
                await client.mgmt.access_key.search_all_access_keys()
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert peak < 8 * len(body), "the members were built"
