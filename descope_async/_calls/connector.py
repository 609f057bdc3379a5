"""Makes connections, and hands them out to attempts."""

from __future__ import annotations

import asyncio
import math
import socket
from collections.abc import Callable
from contextlib import suppress
from contextvars import ContextVar
from functools import partial
from ssl import SSLContext
from typing import Any, Final
from weakref import WeakKeyDictionary

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from descope_async._runtime.deadlines import Deadlines
from descope_async._runtime.name_lookups import look_up

from .early_answers import listen_to
from .messages import Attempt, Stage
from .response_protocol import ResponseProtocol
from .sockets import Sockets

#: The attempt that the running task carries out.
ATTEMPT: Final[ContextVar[Attempt]] = ContextVar("ATTEMPT")

#: For aiohttp, whose limits are not used.
_UNLIMITED: Final = aiohttp.ClientTimeout(total=None, connect=None, sock_connect=None)


class Connector(aiohttp.TCPConnector):
    """Notes in an attempt that it gets a connection, and gives it no second one.

    Args:
        context: The TLS context; None where there is no TLS with the service.
        only_this_machine: Whether to refuse every address that is not a loopback address.
        deadlines: The limits of what goes on on the running loop.
        settings: Those of aiohttp.
    """

    def __init__(
        self,
        *,
        context: SSLContext | None,
        only_this_machine: bool,
        deadlines: Deadlines,
        **settings: Any,
    ) -> None:
        self._tls = context
        self._sockets = Sockets(only_this_machine=only_this_machine)
        self._deadlines = deadlines
        self._listeners = WeakKeyDictionary[Any, Callable[[], object]]()
        super().__init__(  # pyright: ignore[reportUnknownMemberType]  # aiohttp's
            resolver=_Resolver(), socket_factory=self._sockets.make, **settings
        )
        if self.force_close:  # for calls that must happen once
            # aiohttp has no argument for it.
            protocol: Any = partial(ResponseProtocol, loop=asyncio.get_running_loop())
            self._factory = protocol

    async def connect(
        self,
        req: aiohttp.ClientRequest,
        traces: Any,
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - the name is aiohttp's
    ) -> Any:
        """A connection for the request. The caller writes the request to it."""
        attempt = ATTEMPT.get()
        if attempt.is_sent:
            # aiohttp repeats some requests by itself. Here only `retry_rules` decides about repeats.
            raise aiohttp.ServerDisconnectedError
        # Bytes that came before the request would be taken for its answer.
        connection: Any = await super().connect(req, traces, timeout)
        protocol = connection.protocol
        listener = self._listeners.get(protocol)
        while listener is not None and (protocol.should_close or listener()):
            connection.close()
            connection = await super().connect(req, traces, timeout)
            protocol = connection.protocol
            listener = self._listeners.get(protocol)
        attempt.deadline.hear()
        attempt.is_connection_reused = listener is not None
        if listener is None:
            try:
                self._listeners[protocol] = await listen_to(connection)
            except BaseException:
                connection.close()
                raise
        # Until here no byte of the request was sent. From here on one may be.
        attempt.is_sent = True
        if isinstance(protocol, ResponseProtocol):
            attempt.arrived = protocol.arrived
        return connection

    async def _wrap_create_connection(
        self,
        *args: Any,
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - the name is aiohttp's
        client_error: type[Exception] = aiohttp.ClientConnectorError,
        **settings: Any,
    ) -> Any:
        factory, *others = args
        attempt, is_proxy = ATTEMPT.get(), client_error is aiohttp.ClientProxyConnectionError
        attempt.stage = Stage.BEGIN  # another address of the host may have come further

        def connected() -> Any:  # the loop calls it once the socket is connected
            if settings.get("ssl"):
                attempt.stage = Stage.TLS_WITH_PROXY if is_proxy else Stage.TLS
            return factory()

        # aiohttp's own limit ends the wait even if the connection was made while the loop stood still.
        with self._deadlines.within(timeout.sock_connect or math.inf, math.inf):
            made = await super()._wrap_create_connection(  # pyright: ignore[reportUnknownMemberType]  # aiohttp's
                connected, *others, timeout=_UNLIMITED, client_error=client_error, **settings
            )
        if is_proxy:
            attempt.stage = Stage.TUNNEL
        return made

    def _get_ssl_context(self, req: aiohttp.ClientRequest) -> SSLContext | None:
        # aiohttp checks no certificate where a context is no instance of what `ssl.SSLContext` is at
        # that moment. truststore may have replaced that since the context was made.
        if self._tls is not None and req.is_ssl():
            return self._tls
        return super()._get_ssl_context(req)

    async def _start_tls_connection(
        self,
        underlying_transport: Any,
        req: aiohttp.ClientRequest,
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - the name is aiohttp's
        client_error: type[Exception] = aiohttp.ClientConnectorError,
    ) -> Any:
        ATTEMPT.get().stage = Stage.TLS
        with self._deadlines.within(timeout.sock_connect or math.inf, math.inf):
            return await super()._start_tls_connection(
                underlying_transport, req, _UNLIMITED, client_error
            )

    def drop(self) -> None:
        """Close the sockets of a loop that is closed, on which nothing can be awaited."""
        self._sockets.close()
        with suppress(RuntimeError):  # tasks that wait for a connection cannot be woken
            for _ in self.close().__await__():
                pass


class _Resolver(AbstractResolver):
    """Looks names up in one way. aiohttp chooses a way by what else is installed."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return [
            ResolveResult(
                hostname=host,
                host=found.address,
                port=port,
                family=found.family,
                proto=found.protocol,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for found in await look_up(host, family)
        ]

    async def close(self) -> None:
        pass  # nothing is kept open
