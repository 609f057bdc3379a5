"""Listener: accepts connections, or refuses them for a while without losing the port."""

from __future__ import annotations

import asyncio
import errno
import socket
import sys
from typing import Final

from aiohttp import web

from descope_async.emulator.errors import EmulatorError

from .addresses import url_of
from .certificates import ServerCertificate

#: After so many turns of the event loop, the server knows of a connection that was accepted.
_TURNS_TO_ACCEPT: Final = 3
_BACKLOG: Final = 128


def listen(host: str, port: int) -> socket.socket:
    """A socket bound to a host and port; the first address counts if the host has several.

    Raises:
        EmulatorError: It cannot be bound.
    """
    try:
        # With port 0, several addresses would each get another port.
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise EmulatorError(f"cannot listen on {host}: {reason}") from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        # Two sockets can be bound to one port, but not listen on it.
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        advice = (
            "pass another port, or 0 for a free one"
            if error.errno in {errno.EADDRINUSE, errno.EACCES}
            else f"{address[0]} must be an address of this machine"
        )
        raise EmulatorError(
            f"cannot listen on {host}, port {port}: {error.strerror}; {advice}"
        ) from error
    listener.setblocking(False)
    return listener


class Listener:
    """Accepts connections for a server.

    Args:
        bound: A socket that is bound. It is closed at the end.
        runner: What is told of each connection; it is set up already.
        certificate: What TLS is spoken with; None for plain HTTP.

    Attributes:
        certificate: The same.
    """

    def __init__(
        self,
        bound: socket.socket,
        runner: web.ServerRunner,
        certificate: ServerCertificate | None,
    ) -> None:
        self.certificate = certificate
        self._bound = bound
        self._runner = runner
        self._site: web.BaseSite | None = None
        self._reopening: asyncio.TimerHandle | asyncio.Task[None] | None = None
        self._is_closed = False

    @property
    def base_url(self) -> str:
        """The URL at which it can be reached from this machine."""
        return url_of(self._bound, tls=self.certificate is not None)

    async def open(self) -> None:
        """Accept connections from now on."""
        if self._is_closed or self._site:
            return
        context = self.certificate.context if self.certificate else None
        site = web.SockSite(self._runner, self._bound, ssl_context=context)
        await site.start()
        self._site = site

    async def close(self) -> None:
        """Accept no more connections."""
        self._is_closed = True
        if self._reopening:
            self._reopening.cancel()
        await self._stop()
        self._bound.close()

    async def refuse_for(self, seconds: float) -> None:
        """Refuse connections for so many seconds, and close those that there are.

        This does nothing where they are refused already.
        """
        if self._site is None:
            return
        await self.refuse()
        loop = asyncio.get_running_loop()
        self._reopening = loop.call_later(seconds, self._reopen)

    async def _stop(self) -> None:
        site, self._site = self._site, None
        if site is None:
            return
        if sys.platform != "win32":
            # Python 3.11 loses a connection, and never closes it, that is accepted in the turn of
            # the loop in which the server is closed. So none is accepted from here on.
            asyncio.get_running_loop().remove_reader(self._bound)
            for _ in range(_TURNS_TO_ACCEPT):
                await asyncio.sleep(0)
        await site.stop()

    def _reopen(self) -> None:
        self._reopening = asyncio.create_task(self.open())

    async def refuse(self) -> None:
        """Refuse connections until `open`, and close those that there are.

        Raises:
            EmulatorError: They are refused already.
        """
        if self._site is None:
            raise EmulatorError("connections are refused already")
        family, address = self._bound.family, self._bound.getsockname()
        await self._stop()
        # A socket that is bound and does not listen keeps the port, and refuses.
        self._bound = socket.socket(family, socket.SOCK_STREAM)
        self._bound.setblocking(False)
        self._bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._bound.bind(address)
        except OSError as error:
            raise EmulatorError(f"the port was taken meanwhile: {error.strerror}") from error
        if self._runner.server:
            for connection in self._runner.server.connections:
                connection.force_close()
