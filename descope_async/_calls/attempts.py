"""One attempt at a call: its request is sent, its answer read, and its failure named."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import lru_cache
from typing import Final, TypeVar

from yarl import URL

from descope_async._config.config import Config
from descope_async._runtime.callables import is_being_cancelled
from descope_async._runtime.clock import Clock
from descope_async._runtime.late import late
from descope_async.errors import ClientClosed, DescopeError

from .answers import take
from .connector import ATTEMPT
from .diagnosis import Service, diagnosed
from .messages import Answer, Attempt, Request
from .pool import Pool
from .request_headers import headers_of

T = TypeVar("T")

_CLOSED: Final = "the client was closed during the call"
#: The part of a call's time for which one attempt may hear nothing, so that there is time for another.
_SILENCE: Final = 2 / 3


class Attempts:
    """Makes the attempts at a client's calls.

    Args:
        config: The client's settings.
        clock: The time source.
    """

    def __init__(self, config: Config, clock: Clock) -> None:
        self._config = config
        self._clock = clock
        self._read_within = config.timeouts.read
        self._may_repeat = config.retries.attempts > 1

    async def make(
        self,
        request: Request,
        read: Callable[[Answer], Awaitable[T]],
        pool: Pool,
        attempt: Attempt,
    ) -> T:
        """Make one attempt.

        Args:
            request: What to ask.
            read: Takes from the answer what is wanted.
            pool: The connections of the running loop.
            attempt: Where to note what happens.

        Raises:
            DescopeError: It failed.
        """
        # Exceptions of libraries hold the headers, in their attributes and in the frames of their
        # traceback. So they end here: what is raised is raised outside of their handlers.
        attempt.deadline = pool.deadlines.within(attempt.limit, self._silence(request))
        session, proxy = pool.fresh if attempt.is_fresh else pool.kept, pool.proxy
        failure: BaseException
        try:
            url = _url(self._service.url, request.path, request.query)
            with attempt.deadline:
                ATTEMPT.set(attempt)
                # Neither the headers nor what holds them may be in a variable of this frame.
                return await take(
                    await session.request(
                        request.method,
                        url,
                        data=request.body,
                        headers=headers_of(request, pool.headers),
                        allow_redirects=False,
                        proxy=None if proxy is None else proxy.url,
                        proxy_headers=None if proxy is None else proxy.headers(),
                    ),
                    request,
                    attempt,
                    read,
                    self._clock.now,
                )
        except DescopeError as error:
            failure = error.with_traceback(None)
        except GeneratorExit:  # the loop was closed, and nobody waits any more
            raise
        except asyncio.CancelledError as cancellation:
            # aiohttp also cancels those who wait for a connection when it is closed.
            if is_being_cancelled():
                raise cancellation.with_traceback(None) from None
            failure = (
                ClientClosed(_CLOSED)
                if pool.is_closed
                else diagnosed(cancellation, request, attempt, self._service, proxy)
            )
        except (KeyboardInterrupt, SystemExit) as error:
            failure = error.with_traceback(None)
            failure.__context__ = None
            failure.__cause__ = diagnosed(error, request, attempt, self._service, proxy)
        except BaseException as error:  # noqa: BLE001 - no class of exception may leave with its frames
            failure = (
                ClientClosed(_CLOSED)
                if pool.is_closed
                else diagnosed(error, request, attempt, self._service, proxy)
            )
        raise failure

    @late
    def _service(self) -> Service:
        base_url = self._config.project.base_url
        return Service(str(base_url), is_this_machine=base_url.is_loopback)

    def _silence(self, request: Request) -> float:
        if request.silence is not None:
            return request.silence
        read = self._read_within
        return min(read, request.deadline * _SILENCE) if self._may_repeat else read


@lru_cache
def _url(base: str, path: str, query: tuple[tuple[str, str], ...]) -> URL:
    """A URL. A kept one keeps its parts: taking a new one apart makes a call take a tenth longer."""
    url = URL(base + path)
    return url.with_query(query) if query else url
