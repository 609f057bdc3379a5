"""Whether the other side of a connection says something before it is asked.

That would be taken for the answer to the request that is sent next.
"""

from __future__ import annotations

import asyncio
import select
from collections.abc import Callable
from functools import partial
from typing import Any, Final

import aiohttp

#: Turns of the loop in which what has arrived is read and decrypted. It takes two.
_TURNS: Final = 3


class SpokeFirst(aiohttp.ClientConnectionError):
    """The other side sent something over a new connection, or closed it, before it was asked."""


async def listen_to(connection: Any) -> Callable[[], object]:
    """A function whose result is true when something has arrived that the loop has not read.

    Args:
        connection: A new one.

    Raises:
        SpokeFirst: Something has arrived already, or the other side has closed it.
    """
    protocol = connection.protocol
    if not protocol.is_connected():
        raise SpokeFirst
    found = connection.transport.get_extra_info("socket")
    listener = _hears_nothing if found is None else _listens_at(found.fileno())
    if connection.transport.get_extra_info("ssl_object") is None:
        has_spoken = listener()
    else:
        # What has arrived may be TLS's own, such as session tickets. The loop decrypts it. It may
        # have read it with the end of the handshake: uvloop decrypts that in a turn of its own.
        for _ in range(_TURNS):
            await asyncio.sleep(0)
            if not listener():
                break
        has_spoken = not protocol.is_connected()
    if has_spoken or protocol.should_close:
        raise SpokeFirst
    return listener


def _hears_nothing() -> None:
    pass


if hasattr(select, "poll"):

    def _listens_at(descriptor: int) -> Callable[[], object]:
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        return partial(poll.poll, 0)
else:  # on Windows, where descriptors of any number may be selected

    def _listens_at(descriptor: int) -> Callable[[], object]:
        return lambda: bool(select.select([descriptor], [], [], 0)[0])
