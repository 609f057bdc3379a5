"""Name look-ups, by the system's own resolver."""

from __future__ import annotations

import asyncio
import socket
import threading

import pytest

from descope_async._runtime.name_lookups import look_up


async def test_a_host_has_addresses() -> None:
    found = await look_up("localhost", socket.AF_INET)
    assert {(each.family, each.address) for each in found} == {(socket.AF_INET, "127.0.0.1")}
    assert {each.protocol for each in found} == {socket.IPPROTO_TCP}


async def test_an_address_keeps_its_scope() -> None:
    if not socket.has_ipv6:
        pytest.skip("this Python knows no IPv6")
    name = socket.if_nameindex()[0][1]
    (found,) = await look_up(f"fe80::1%{name}", socket.AF_INET6)
    assert found.address == f"fe80::1%{name}"


@pytest.mark.parametrize("host", ["no-such-host.invalid", "x" * 64 + ".example", "a..example"])
async def test_what_is_no_host(host: str) -> None:
    with pytest.raises(socket.gaierror):
        await look_up(host, socket.AF_INET)


async def test_a_wait_that_is_given_up_leaves_no_error() -> None:
    waiting = asyncio.create_task(look_up("localhost", socket.AF_INET))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await lookups_end()


def test_a_loop_that_ends_meanwhile() -> None:
    async def begin() -> None:
        waiting = asyncio.create_task(look_up("localhost", socket.AF_INET))
        await asyncio.sleep(0)
        waiting.cancel()

    asyncio.run(begin())
    asyncio.run(lookups_end())


async def lookups_end() -> None:
    for thread in threading.enumerate():
        if thread.name == "descope-name-lookup":
            await asyncio.to_thread(thread.join, 30)
            assert not thread.is_alive()
