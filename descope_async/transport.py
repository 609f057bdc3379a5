"""One request to the service: pooled connections in, a body or an error out."""

from __future__ import annotations

import asyncio
import os
import platform
import ssl
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import suppress
from http import HTTPStatus
from typing import Any, Final
from weakref import WeakSet

import aiohttp
import anyio

from . import __version__
from .clock import Clock
from .config import Config
from .errors import (
    ClientClosed,
    ConnectionFailed,
    DeadlineExceeded,
    DescopeError,
    RequestFailed,
    TLSFailed,
)
from .messages import Answer, Request, refusal
from .wire import encode

_MAX_ERROR_BODY: Final = 64 * 1024
_CLOSE_WITHIN: Final = 5.0


class Transport:
    """Sends requests over one pool of connections for each event loop that uses it."""

    def __init__(self, config: Config, clock: Clock) -> None:
        self._config = config
        self._clock = clock
        self._closed = False
        # Only single dict operations, which threads may do at once.
        self._pools: dict[asyncio.AbstractEventLoop, _Pool] = {}
        _TRANSPORTS.add(self)

    async def send(self, request: Request) -> Answer:
        """Ask once.

        Raises:
            ApiError: The service answered with an error status.
            RequestFailed: No usable answer came in time.
            UnexpectedResponse: The answer is a redirect or longer than allowed.
            ClientClosed: After `aclose`.
        """
        pool = await self._pool()
        attempt = _Attempt()
        # aiohttp's errors hold the headers, in their attributes and in the frames of their
        # traceback. So they end here: what is raised is raised outside of their handlers.
        try:
            with anyio.fail_after(request.deadline):
                return await self._exchange(pool.session, request, attempt)
        except DescopeError as error:
            failure = error.with_traceback(None)
        except (aiohttp.ClientError, OSError) as error:  # TimeoutError is an OSError
            failure = _failure(error, request, self._config.base_url, attempt.sent)
        except asyncio.CancelledError as cancellation:
            # aiohttp also cancels those who wait for a connection when it is closed.
            if _is_cancelled() or not pool.session.closed:
                raise cancellation.with_traceback(None) from None
            failure = ClientClosed("the client was closed during the call")
        except RuntimeError:
            if not pool.session.closed:
                raise
            failure = ClientClosed("the client was closed during the call")
        failure.operation = request.operation
        raise failure

    async def spawn(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Do something in the background of this loop until it is done or the client closes."""
        pool = await self._pool()
        task = asyncio.get_running_loop().create_task(work())
        pool.tasks.add(task)
        task.add_done_callback(pool.tasks.discard)

    async def aclose(self) -> None:
        """Close the connections, those of other running loops included. May be repeated."""
        self._closed = True
        here = asyncio.get_running_loop()
        pools = list(self._pools.items())
        self._pools.clear()
        with anyio.move_on_after(_CLOSE_WITHIN, shield=True):
            for loop, pool in pools:
                if loop is here:
                    await pool.aclose()
                elif loop.is_running():
                    elsewhere = asyncio.run_coroutine_threadsafe(pool.aclose(), loop)
                    await asyncio.wait([asyncio.wrap_future(elsewhere)])
                # A loop that stands still closes its pool when it is shut down.

    def abandon(self) -> bool:
        """Let the loops close what is still open, and say whether anything was."""
        pools, self._pools = self._pools, {}
        still_open = [
            (loop, pool)
            for loop, pool in pools.items()
            if not (pool.session.closed or loop.is_closed())
        ]
        for loop, pool in still_open:
            with suppress(RuntimeError):  # it ends this very moment
                loop.call_soon_threadsafe(pool.close_soon)
        return bool(still_open)

    def forget(self) -> None:
        """In a forked child, let go of the parent's connections without closing them.

        They stay referenced: to collect one would take its socket out of the epoll set that both
        processes share, under the parent's hands.
        """
        _ABANDONED.extend(self._pools.items())
        self._pools = {}

    async def _pool(self) -> _Pool:
        if self._closed:
            raise ClientClosed("the client is closed")
        loop = asyncio.get_running_loop()
        pool = self._pools.get(loop)
        if pool is None or pool.session.closed:
            for other in list(self._pools):
                if other.is_closed():
                    self._pools.pop(other, None)
            pool = self._pools[loop] = await _Pool.open(self._config)
            if self._closed:  # meanwhile, by another thread
                await pool.aclose()
                raise ClientClosed("the client is closed")
        return pool

    async def _exchange(
        self, session: aiohttp.ClientSession, request: Request, attempt: _Attempt
    ) -> Answer:
        async with session.request(
            request.method,
            self._config.base_url + request.path,
            params=request.query,
            data=None if request.body is None else encode(request.body),
            headers=_headers(request),
            allow_redirects=False,
            trace_request_ctx=attempt,
        ) as response:
            limit = request.max_body if response.ok else _MAX_ERROR_BODY
            body = await _body(response, limit)
            if response.status < HTTPStatus.MULTIPLE_CHOICES and len(body) <= limit:
                return Answer(
                    operation=request.operation,
                    status=response.status,
                    headers=response.headers,
                    body=bytes(body),
                )
            raise refusal(
                request, response.status, response.headers, bytes(body), self._clock.now()
            )


async def _body(response: aiohttp.ClientResponse, limit: int) -> bytearray:
    """The body, or a little more of it than allowed; of an error, what can be had of it."""
    body = bytearray()
    try:
        async for chunk in response.content.iter_any():
            body += chunk
            if len(body) > limit:
                response.close()
                break
    except (aiohttp.ClientError, OSError):
        if response.ok:
            raise
    return body


def _is_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


class _Attempt:
    """Whether the request of one attempt has gone out."""

    sent = False


async def _mark_sent(_session: aiohttp.ClientSession, context: Any, _params: object) -> None:
    # Fires before the first byte is written: without it, nothing was sent.
    context.trace_request_ctx.sent = True


class _Pool:
    """The connections and background tasks of one event loop."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        tasks: set[asyncio.Task[None]],
        lifetime: AsyncGenerator[None, None],
    ) -> None:
        self.session = session
        self.tasks = tasks
        self._lifetime = lifetime

    @classmethod
    async def open(cls, config: Config) -> _Pool:
        session = _session(config)
        tasks: set[asyncio.Task[None]] = set()
        lifetime = _lifetime(session, tasks)
        _LIFETIMES[session] = lifetime
        await anext(lifetime)
        return cls(session, tasks, lifetime)

    async def aclose(self) -> None:
        with suppress(RuntimeError):  # the loop is shutting down, and closes it already
            await self._lifetime.aclose()

    def close_soon(self) -> None:
        closing = asyncio.get_running_loop().create_task(self.session.close())
        self.tasks.add(closing)
        closing.add_done_callback(self.tasks.discard)


#: Kept until the end: one that is collected would have to be closed by a task of a loop that may
#: be ending, too late for its shutdown to wait for it.
_LIFETIMES: Final[dict[aiohttp.ClientSession, AsyncGenerator[None, None]]] = {}


async def _lifetime(
    session: aiohttp.ClientSession, tasks: set[asyncio.Task[None]]
) -> AsyncGenerator[None, None]:
    # A loop that is shut down closes the async generators that began on it: so `asyncio.run`
    # leaves no open socket behind, even if nobody closes the client.
    try:
        yield
    finally:
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await session.close()
        _LIFETIMES.pop(session, None)


def _session(config: Config) -> aiohttp.ClientSession:
    tracing = aiohttp.TraceConfig()
    tracing.on_request_headers_sent.append(_mark_sent)
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(ssl=config.ssl or True, limit=100),
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={
            "Accept": "application/json",
            "User-Agent": f"descope-async/{__version__}",
            "x-descope-sdk-name": "python",
            "x-descope-sdk-version": __version__,
            "x-descope-sdk-python-version": platform.python_version(),
            "x-descope-project-id": config.project_id,
        },
        timeout=aiohttp.ClientTimeout(
            total=None, sock_connect=config.timeouts.connect, sock_read=config.timeouts.read
        ),
        trace_configs=[tracing],
        trust_env=False,
    )


def _headers(request: Request) -> dict[str, str]:
    headers: dict[str, str] = {}
    if request.bearer is not None:
        headers["Authorization"] = f"Bearer {request.bearer.reveal()}"
    if request.body is not None:
        headers["Content-Type"] = "application/json"
    if request.license_tier is not None:
        headers["x-descope-license"] = request.license_tier
    return headers


def _failure(error: Exception, request: Request, base_url: str, sent: bool) -> RequestFailed:
    cls, problem = _diagnosis(error, base_url)
    return cls(f"{request.operation}: {problem}", sent=sent)


def _diagnosis(error: Exception, where: str) -> tuple[type[RequestFailed], str]:
    kinds: list[tuple[tuple[type[Exception], ...], type[RequestFailed], str]] = [
        ((aiohttp.ConnectionTimeoutError,), DeadlineExceeded, f"no connection to {where} in time"),
        ((TimeoutError,), DeadlineExceeded, f"no answer from {where} in time"),
        (
            (aiohttp.ClientConnectorCertificateError, ssl.SSLCertVerificationError),
            TLSFailed,
            f"the certificate of {where} is not trusted: {_reason(error)}",
        ),
        ((aiohttp.ClientSSLError, ssl.SSLError), TLSFailed, f"no TLS with {where}"),
        ((aiohttp.ClientConnectorDNSError,), ConnectionFailed, f"{where} is not known to DNS"),
        (
            (aiohttp.ClientConnectorError,),
            ConnectionFailed,
            f"no connection to {where}: {_reason(error)}",
        ),
        ((aiohttp.ClientPayloadError,), ConnectionFailed, "the answer was cut off"),
        (
            (aiohttp.ClientResponseError,),
            ConnectionFailed,
            f"{where} does not answer in HTTP that makes sense",
        ),
    ]
    for classes, cls, problem in kinds:  # most special first
        if isinstance(error, classes):
            return cls, problem
    return ConnectionFailed, f"the connection to {where} broke"


def _reason(error: Exception) -> str:
    cause = getattr(error, "os_error", None) or getattr(error, "certificate_error", None) or error
    if isinstance(cause, ssl.SSLCertVerificationError):
        return str(cause.verify_message)
    if isinstance(cause, OSError) and cause.strerror:
        return str(cause.strerror)
    return type(cause).__name__


_TRANSPORTS: Final[WeakSet[Transport]] = WeakSet()
_ABANDONED: Final[list[tuple[asyncio.AbstractEventLoop, _Pool]]] = []


def _forget_all() -> None:
    for transport in list(_TRANSPORTS):
        transport.forget()


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_forget_all)
