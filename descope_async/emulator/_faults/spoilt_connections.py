"""Connections that go wrong: bytes, pauses and an end, as a script says."""

from __future__ import annotations

import asyncio
import socket
import struct
import sys
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager, suppress
from typing import Any, Final, cast

import anyio
from aiohttp import web
from aiohttp.abc import AbstractStreamWriter
from attrs import frozen

from .fault import CONNECT, Fault
from .matching import Faults

_GARBAGE: Final = b"this is not HTTP\r\n\r\n"
#: Linger for 0 seconds: what is unsent is dropped, and the peer sees a reset.
_RESETTING: Final = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)
_LINGERING_SECONDS: Final = 2.0

Outage = Callable[[float], Awaitable[None]]


@frozen
class Script:
    """What happens on a connection before it ends.

    Attributes:
        steps: Bytes to send, and seconds to wait.
        reset: Whether the connection ends with a reset.
        outage: For how many seconds new connections are refused at the end.
    """

    steps: tuple[bytes | float, ...] = ()
    reset: bool = False
    outage: float | None = None


class Connection(web.RequestHandler):
    """A connection that something can go wrong with."""

    def __init__(
        self, server: web.Server, faults: Faults, refuse_for: Outage, **options: Any
    ) -> None:
        super().__init__(server, loop=asyncio.get_running_loop(), **options)
        self._faults = faults
        self._refuse_for = refuse_for
        self._wire: asyncio.Transport | None = None
        self._gone = asyncio.Event()
        self._is_deaf = False
        self._is_performing = False
        self._performance: asyncio.Task[None] | None = None
        self._requests = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by asyncio."""
        super().connection_made(transport)
        self._wire = cast("asyncio.Transport", transport)
        fault = self._faults.strike(CONNECT)
        if fault:
            self._is_deaf = True
            self._performance = asyncio.create_task(self.perform(ending(fault)))

    def data_received(self, data: bytes) -> None:
        """Called by asyncio."""
        if not self._is_deaf:
            super().data_received(data)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Called by asyncio."""
        super().connection_lost(exc)
        self._gone.set()

    async def shutdown(self, timeout: float | None = 15.0) -> None:  # noqa: ASYNC109 - aiohttp's
        """Called by aiohttp when the emulator ends. It waits for no script that is under way."""
        if self._is_performing and self._wire:
            self._wire.abort()
        await super().shutdown(timeout)

    def fault_of(self, operation: str | None) -> Fault | None:
        """The fault that strikes a request on this connection; None without an operation."""
        self._requests += 1
        if operation is None:
            return None
        return self._faults.strike(operation, reused=self._requests > 1)

    @contextmanager
    def performing(self) -> Generator[None, None, None]:
        """Mark what happens in the block: the end of the emulator need not wait for it."""
        self._is_performing = True
        try:
            yield
        finally:
            self._is_performing = False

    async def perform(self, script: Script) -> None:
        """Do what is in a script, as long as the peer is there, and end the connection."""
        wire = self._wire
        if wire is None:
            return
        with self.performing():
            for step in script.steps:
                if self._gone.is_set():
                    return
                if isinstance(step, bytes):
                    wire.write(step)
                else:
                    await self._pause(step)
            if script.outage is not None:
                await self._refuse_for(script.outage)
            elif script.reset:
                open_socket = wire.get_extra_info("socket")
                if open_socket is not None and not wire.is_closing():
                    open_socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESETTING)
                wire.abort()
            elif wire.can_write_eof() and not wire.is_closing():
                # To close while the peer still sends would look like a reset to it.
                self._is_deaf = True
                with suppress(OSError):  # the peer has reset it, and asyncio does not know yet
                    wire.write_eof()
                await self._pause(_LINGERING_SECONDS)
            wire.close()

    async def _pause(self, seconds: float) -> None:
        with anyio.move_on_after(seconds):
            await self._gone.wait()


class ScriptedResponse(web.StreamResponse):
    """Takes the place of a response: a script that ends the connection.

    Args:
        script: What happens.
        answer: The answer of which the script sends something; None if it sends none.
    """

    sends_status: bool

    def __init__(self, script: Script, answer: web.Response | None = None) -> None:
        if answer is None:
            super().__init__()
        else:
            super().__init__(status=answer.status, headers=answer.headers)
        self._script = script
        self.sends_status = answer is not None

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Called by aiohttp to send the headers."""
        await cast("Connection", request.protocol).perform(self._script)
        raise ConnectionAbortedError("there is no connection any more")  # as aiohttp expects


def sends_status(response: web.StreamResponse) -> bool:
    """Whether the client gets to see a status."""
    return not isinstance(response, ScriptedResponse) or response.sends_status


def ending(fault: Fault) -> Script:
    """The script of a connection on which no answer is sent."""
    if fault.effect == "stall":
        return Script((fault.value("seconds"),))
    if fault.effect == "garbage":
        return Script((_GARBAGE,))
    if fault.effect == "outage":
        return Script(outage=fault.value("seconds"))
    return Script(reset=fault.effect == "reset")
