"""From the name of a host to its addresses."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from importlib import import_module
from threading import Thread
from typing import Any, NamedTuple

from .forks import LOOK_UP, no_fork_meanwhile

# Python would import the codec in the first look-up. A child that is forked at that moment would
# have a half-loaded module for ever.
import_module("encodings.idna")


class Address(NamedTuple):
    """Where a host can be reached: the address is numeric, with its scope if it needs one."""

    family: socket.AddressFamily
    protocol: int
    address: str


async def look_up(host: str, family: socket.AddressFamily) -> list[Address]:
    """Ask the system's resolver for the addresses of a host, on a thread of its own.

    A fork waits for a look-up, a second at most, because the child could not make one any more. A
    look-up that takes long delays neither the end of an event loop nor the exit of the process,
    as one on asyncio's executor would.

    Raises:
        OSError: The name is not known, or no thread can be started.
    """
    loop = asyncio.get_running_loop()
    found: asyncio.Future[list[Address]] = loop.create_future()

    def tell(finish: Callable[[Any], None], outcome: object) -> None:
        if not found.done():  # as it is when nobody waits any more
            finish(outcome)

    def work() -> None:
        finish: Callable[[Any], None] = found.set_result
        outcome: object
        try:
            outcome = _look_up(host, family)
        except Exception as error:  # noqa: BLE001 - raised where it is waited for
            finish, outcome = found.set_exception, error
        try:
            loop.call_soon_threadsafe(tell, finish, outcome)
        except RuntimeError:
            if not loop.is_closed():
                raise

    try:
        Thread(target=work, name="descope-name-lookup", daemon=True).start()
    except RuntimeError as error:  # no more threads, or the process exits
        raise OSError("no thread can be started to look up a name") from error
    return await found


def _look_up(host: str, family: socket.AddressFamily) -> list[Address]:
    with no_fork_meanwhile(LOOK_UP):
        try:
            found = socket.getaddrinfo(
                host, None, family, socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG
            )
        except UnicodeError:  # a part of it is empty or too long
            raise socket.gaierror(socket.EAI_NONAME, "not the name of a host") from None
        except socket.gaierror:
            # On Windows, with this flag, ``localhost`` is not found while the machine is offline.
            if host.rstrip(".").lower() != "localhost":
                raise
            found = socket.getaddrinfo(host, None, family, socket.SOCK_STREAM)
        numeric = socket.NI_NUMERICHOST | socket.NI_NUMERICSERV
        return [
            Address(each, protocol, socket.getnameinfo(address, numeric)[0])
            for each, _, protocol, _, address in found
        ]
