"""Server: accepts connections, and answers in JSON even what is no HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, cast

from aiohttp import web

from descope_async.emulator._error_answers import Problem
from descope_async.emulator._faults.matching import Faults
from descope_async.emulator._faults.spoilt_connections import Connection

from .listener import Listener
from .responses import error_text, json_response

Answer = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


class Server(web.Server):
    """Makes the protocol of each connection.

    Args:
        answer: Answers a request.
        faults: By which rules requests go wrong.
    """

    def __init__(self, answer: Answer, faults: Faults) -> None:
        super().__init__(self._answer)
        self._answer_of = answer
        self._faults = faults
        self.listener: Listener | None = None
        self.has_ended = False

    async def shutdown(self, timeout: float | None = None) -> None:  # noqa: ASYNC109 - aiohttp's
        """Called by aiohttp at the end: closes the connections that there are."""
        self.has_ended = True
        await super().shutdown(timeout)

    def __call__(self) -> web.RequestHandler:
        """The protocol of one more connection."""
        return _Protocol(self, self._faults, self._refuse_for, access_log=None)

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        response = await self._answer_of(request)
        if request.content.exception() is not None:
            # aiohttp closes the connection after a body that it cannot read: the client is told.
            response.force_close()
        return response

    async def _refuse_for(self, seconds: float) -> None:
        if self.listener:
            await self.listener.refuse_for(seconds)


class _Protocol(Connection):
    def __init__(self, server: Server, *args: Any, **options: Any) -> None:
        super().__init__(server, *args, **options)
        self._server_of = server

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by asyncio; after the end too, if the connection was accepted just before."""
        super().connection_made(transport)
        if self._server_of.has_ended:
            cast("asyncio.Transport", transport).abort()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Called by aiohttp for what it could not parse, which may hold a secret: log none of it."""
        del request, exc, message
        code = Problem.MALFORMED if status < Problem.BROKEN.status else Problem.BROKEN
        response = json_response(error_text(code, "The request is not valid HTTP"), status)
        response.force_close()
        return response

    def log_exception(self, *args: Any, **kwargs: Any) -> None:
        """Called by aiohttp, also when the rest of a body that is answered cannot be decoded."""
        if not isinstance(kwargs.get("exc_info"), web.RequestPayloadError):
            super().log_exception(*args, **kwargs)
