"""One call to the service: a request in, what its answer means or an error out."""

from __future__ import annotations

import asyncio
import platform
from collections.abc import Awaitable, Callable, Coroutine
from functools import cache, partial
from http import HTTPStatus
from typing import Any, Final, TypeVar

import aiohttp
from aiohttp import hdrs
from multidict import istr
from yarl import URL

from descope_async import __version__
from descope_async._config.config import Config
from descope_async._config.request_headers import is_request_id
from descope_async._runtime.clock import Clock
from descope_async._runtime.forks import forget_in_child
from descope_async._values.secret import Secret
from descope_async.errors import (
    ClientClosed,
    DescopeError,
    RequestFailed,
    UnexpectedResponse,
)
from descope_async.events._log import LOG
from descope_async.events._telemetry import Telemetry

from .attempts import Attempt
from .connections import Connections, Pool
from .connector import ATTEMPT
from .diagnosis import diagnosed
from .messages import Answer, Request, refusal, request_id_of
from .repeats import Repeats
from .wire import encode

T = TypeVar("T")

_CLOSED: Final = "the client was closed during the call"
_MAX_ERROR_BODY: Final = 64 * 1024
_LICENSE: Final = istr("x-descope-license")
_EXTERNAL_ID: Final = istr("x-external-rid")
#: The part of a call's time for which one attempt may hear nothing, so that there is time for another.
_SILENCE: Final = 2 / 3


class Transport:
    """Sends the requests of a client."""

    def __init__(self, config: Config, clock: Clock, telemetry: Telemetry) -> None:
        self._config = config
        self._clock = clock
        self._connections = Connections(config)
        # Not the session's: aiohttp would send those to a proxy too, in the clear.
        self._own_headers = Secret(_headers_of(config))
        self._repeats = Repeats(config.retries, clock, telemetry=telemetry)
        forget_in_child(self)

    def send(
        self, request: Request, read: Callable[[Answer], Awaitable[T]]
    ) -> Coroutine[Any, Any, T]:
        """Ask, and ask again where that is safe.

        Args:
            request: What to ask.
            read: Takes from the answer what is wanted, within the attempt's time. An answer that
                it finds unusable counts as a failed attempt.

        Raises:
            ApiError: The service answered with an error status.
            RequestFailed: No usable answer came in time.
            UnexpectedResponse: The answer is a redirect, longer than allowed, or unusable.
            OutcomeUnknown: A request that must not be repeated may have been carried out.
            ClientClosed: After `aclose`.
        """
        request.external_id = self._external_id()
        return self._repeats.run(request, partial(self._attempt, request, read))

    async def spawn(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Do something in the background of this loop until it is done or the client closes."""
        pool = await self._connections.pool()
        task = asyncio.get_running_loop().create_task(work())
        pool.tasks.add(task)
        task.add_done_callback(pool.tasks.discard)

    async def aclose(self) -> None:
        """Close the connections, those of other running loops included. May be repeated."""
        await self._connections.aclose()

    def abandon(self) -> bool:
        """Let the loops close what is still open, and say whether anything was."""
        return self._connections.abandon()

    def forget(self) -> None:
        """Start clean in a forked child."""
        self._repeats.forget()

    async def _attempt(
        self, request: Request, read: Callable[[Answer], Awaitable[T]], attempt: Attempt
    ) -> T:
        pool = self._connections.pool_if_open() or await self._connections.pool()
        work = partial(self._carry_out, request, read, pool)
        return await request.care.carry_out(work, attempt, pool)

    async def _carry_out(
        self,
        request: Request,
        read: Callable[[Answer], Awaitable[T]],
        pool: Pool,
        attempt: Attempt,
    ) -> T:
        # Exceptions of libraries hold the headers, in their attributes and in the frames of their
        # traceback. So they end here: what is raised is raised outside of their handlers.
        attempt.deadline = pool.deadlines.within(attempt.limit, self._silence(request))
        failure: BaseException
        try:
            with attempt.deadline:
                return await self._read(request, await self._exchange(pool, request, attempt), read)
        except DescopeError as error:
            failure = error.with_traceback(None)
        except GeneratorExit:  # the loop was closed, and nobody waits any more
            raise
        except asyncio.CancelledError as cancellation:
            # aiohttp also cancels those who wait for a connection when it is closed.
            if _is_cancelled() or not pool.is_closed:
                raise cancellation.with_traceback(None) from None
            failure = ClientClosed(_CLOSED)
        except (KeyboardInterrupt, SystemExit) as error:
            failure = error.with_traceback(None)
            failure.__context__ = None
            failure.__cause__ = self._failure(error, request, attempt)
        except BaseException as error:  # noqa: BLE001 - no class of exception may leave with its frames
            failure = (
                ClientClosed(_CLOSED) if pool.is_closed else self._failure(error, request, attempt)
            )
        raise failure

    def _failure(self, error: BaseException, request: Request, attempt: Attempt) -> RequestFailed:
        return diagnosed(error, request.operation, self._config.base_url, is_sent=attempt.is_sent)

    async def _read(
        self, request: Request, answer: Answer, read: Callable[[Answer], Awaitable[T]]
    ) -> T:
        try:
            return await read(answer)
        except UnexpectedResponse as error:
            failure = error.with_traceback(None)
        except Exception as error:  # noqa: BLE001 - such as for a depth or a size that there is no room for
            failure = UnexpectedResponse(
                f"{request.operation}: the answer cannot be read: {type(error).__name__}",
                status_code=answer.status,
                request_id=request_id_of(answer.headers, request),
            )
        request.care.salvage(failure, answer.body)
        raise failure

    async def _exchange(self, pool: Pool, request: Request, attempt: Attempt) -> Answer:
        session = pool.fresh if attempt.is_fresh else pool.kept
        proxy = pool.proxy
        ATTEMPT.set(attempt)
        # As a context manager, it would wait for its connection to be closed where nobody needs that.
        response = await session.request(
            request.method,
            self._url(request),
            data=None if request.body is None else encode(request.body),
            headers=self._headers(request),
            allow_redirects=False,
            proxy=None if proxy is None else proxy.url,
            proxy_headers=None if proxy is None else proxy.headers(),
            timeout=_client_timeout(self._config.timeouts.connect),
        )
        try:
            return await self._answer(request, attempt, response)
        finally:
            response.release()

    async def _answer(
        self, request: Request, attempt: Attempt, response: aiohttp.ClientResponse
    ) -> Answer:
        attempt.status, attempt.headers = response.status, response.headers
        attempt.hear()
        limit = request.max_body if response.ok else _MAX_ERROR_BODY
        body, content = bytearray(), response.content
        try:
            while not content.at_eof() and len(body) <= limit:
                body += await content.readany()
                attempt.hear()
        except (aiohttp.ClientError, OSError, asyncio.CancelledError) as error:
            # An error status counts, whatever comes of its body; and so does a secret, also when
            # time is over.
            is_cancelled = isinstance(error, asyncio.CancelledError) and not (
                attempt.deadline is not None and attempt.deadline.is_what_cancels
            )
            if is_cancelled or (response.ok and not request.care.is_enough(body)):
                raise
        if response.status < HTTPStatus.MULTIPLE_CHOICES and len(body) <= limit:
            return Answer(
                operation=request.operation,
                status=response.status,
                headers=response.headers,
                body=bytes(body),
            )
        failure = refusal(
            request, response.status, response.headers, bytes(body), self._clock.now()
        )
        request.care.salvage(failure, body)
        raise failure

    def _url(self, request: Request) -> URL:
        url = URL(self._config.base_url + request.path)
        return url.with_query(request.query) if request.query else url

    def _headers(self, request: Request) -> dict[str, str]:
        headers = {**self._own_headers.reveal(), **request.care.headers}
        if request.bearer is not None:
            headers[hdrs.AUTHORIZATION] = f"Bearer {request.bearer.reveal()}"
        if request.body is not None:
            headers[hdrs.CONTENT_TYPE] = "application/json"
        if request.license_tier is not None:
            headers[_LICENSE] = request.license_tier
        if request.external_id is not None:
            headers[_EXTERNAL_ID] = request.external_id
        return headers

    def _external_id(self) -> str | None:
        """The id of the caller's own request. One that is no id never stops a call."""
        if self._config.external_request_id is None:
            return None
        try:
            found = self._config.external_request_id()
        except Exception as error:  # noqa: BLE001 - whatever the user's function raises
            LOG.warning("external_request_id raised %s", type(error).__name__)
            return None
        return found if isinstance(found, str) and is_request_id(found) else None

    def _silence(self, request: Request) -> float:
        if request.silence is not None:
            return request.silence
        read = self._config.timeouts.read
        return min(read, request.deadline * _SILENCE) if self._config.retries.attempts > 1 else read


def _headers_of(config: Config) -> dict[str, str]:
    """What every request says of the client, and what the client was told to say."""
    headers = {
        **config.headers.reveal(),
        "Accept": "application/json",
        "User-Agent": f"descope-async/{__version__} {config.user_agent}".rstrip(),
        "x-descope-sdk-name": "python",
        "x-descope-sdk-version": __version__,
        "x-descope-sdk-python-version": platform.python_version(),
        "x-descope-project-id": config.project_id,
    }
    # The names of plain strings would be lowered again and again for every request.
    return {istr(name): value for name, value in headers.items()}


@cache
def _client_timeout(connect: float) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(total=None, sock_connect=connect)


def _is_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
