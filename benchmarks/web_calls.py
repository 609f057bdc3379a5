"""``python -m benchmarks.web_calls``: what the token of a source costs a request, by client library.

aiohttp sends to a server in another process; the others to a transport within this one, because they
cannot be told apart from the noise of sockets. All ways take turns, some requests each.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from typing import Any, Final

import aiohttp

from descope_async import DescopeClient
from descope_async.emulator import Emulator
from descope_async.integrations.aiohttp import TokenAuth

_ANSWER: Final = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"

Send = Callable[[], Awaitable[None]]


class _Answering(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport

    def data_received(self, data: bytes) -> None:
        del data
        self._transport.write(_ANSWER)


async def serve() -> None:
    """Answer everything, and print the port."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(_Answering, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


def by_aiohttp(url: str, auth: Any, header: str, block: AsyncExitStack) -> dict[str, Send]:
    """The ways of aiohttp."""

    async def constant(request: aiohttp.ClientRequest, handler: Any) -> aiohttp.ClientResponse:
        request.headers["Authorization"] = header
        response: aiohttp.ClientResponse = await handler(request)
        return response

    def sending(*middlewares: Any) -> Send:
        session = aiohttp.ClientSession(middlewares=middlewares)
        block.push_async_callback(session.close)

        async def send() -> None:
            async with session.get(url) as response:
                await response.read()

        return send

    return {"no token": sending(), "a constant": sending(constant), "ours": sending(auth)}


def by_httpx(library: Any, url: str, auth: Any, header: str) -> dict[str, Send]:
    """The ways of httpx, or of httpx2."""

    class Constant(library.Auth):  # type: ignore[misc]  # a class of either library
        async def async_auth_flow(self, request: Any) -> Any:
            request.headers["Authorization"] = header
            yield request

    transport = library.MockTransport(lambda _: library.Response(200, content=b"{}"))
    client = library.AsyncClient(transport=transport)

    def sending(**options: Any) -> Send:
        async def send() -> None:
            await client.get(url, **options)

        return send

    ways = {"no token": sending(), "a constant": sending(auth=Constant())}
    return {**ways, "ours": sending(auth=auth)}


async def measure(library: str, ways: Mapping[str, Send], rounds: int) -> None:
    """Let the ways take turns, and print the lower quartile of each."""
    taken: dict[str, list[int]] = {name: [] for name in ways}
    for turn in range(rounds + 1):
        for name, send in ways.items():
            for number in range(23):
                began = time.perf_counter_ns()
                await send()
                ended = time.perf_counter_ns()
                if turn and number > 2:  # noqa: PLR2004 - the first find cold caches
                    taken[name].append(ended - began)
    found = {name: statistics.quantiles(each, n=4)[0] / 1000 for name, each in taken.items()}
    for name, quartile in found.items():
        beyond = quartile - found["no token"]
        print(f"{library:<10}{name:<14}{quartile:>8.1f}{beyond:>16.1f}")


async def measure_all(url: str, rounds: int) -> None:
    """Measure all libraries."""
    async with AsyncExitStack() as block:
        emulator = await block.enter_async_context(Emulator())
        client = DescopeClient(
            emulator.project_id, emulator.management_key, base_url=emulator.base_url
        )
        await block.enter_async_context(client)
        created = await client.mgmt.access_key.create("machine")
        source = client.token_source(created.cleartext)
        header = (await source.headers())["Authorization"]
        print(f"{'':<24}{'us':>8}{'beyond no token':>16}")
        await measure("aiohttp", by_aiohttp(url, TokenAuth(source, url), header, block), rounds)
        for name in ("httpx", "httpx2"):
            adapter = importlib.import_module(f"descope_async.integrations.{name}")
            auth = adapter.TokenAuth(source, url)
            ways = by_httpx(importlib.import_module(name), url, auth, header)
            await measure(name, ways, rounds)


def main() -> None:
    """Start a server, measure, and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.web_calls", description=__doc__)
    parser.add_argument("--rounds", type=int, default=200, help="turns of 20 requests each")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.serve:
        asyncio.run(serve())
        return
    command = [sys.executable, "-m", "benchmarks.web_calls", "--serve"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            asyncio.run(
                measure_all(f"http://127.0.0.1:{int(server.stdout.readline())}", chosen.rounds)
            )
        finally:
            server.terminate()


if __name__ == "__main__":
    main()
