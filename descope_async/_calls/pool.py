"""The connections and tasks of one event loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import suppress
from functools import partial
from ssl import SSLContext
from typing import Any, Final

import aiohttp
from multidict import CIMultiDict

from descope_async._config.config import Config
from descope_async._config.proxy import Proxy
from descope_async._runtime.deadlines import Deadlines, all_ended
from descope_async._runtime.forks import forget_in_child, never_collect
from descope_async._runtime.loop_end import at_loop_end, forget_loop_end
from descope_async._runtime.shield import is_within
from descope_async._values.secret import Secret

from .connector import Connector
from .request_headers import headers_of_all

#: Seconds for which a pool that is closed waits for each create and rotate that is under way.
_OUTCOMES_WITHIN: Final = 4.0
#: Bytes of a header's line, and lines. Gateways add policies that are longer than aiohttp's 8 KiB.
MAX_HEADER: Final = 64 * 1024
MAX_HEADERS: Final = 256


class Pool:
    """The connections and tasks of one event loop.

    Attributes:
        is_closed: Whether no request can be sent any more.
        kept: Keeps its connections open, for the next request.
        fresh: Makes one for each request.
        tasks: What goes on in the background, cancelled at the end.
        proxy: Through which proxy requests go; None for none.
        headers: What each request must say because its session does not.
        outcomes: Tasks that bring a secret. The pool waits a few seconds for them before it closes.
        deadlines: The limits of what goes on.
    """

    is_closed: bool
    kept: aiohttp.ClientSession
    fresh: aiohttp.ClientSession
    tasks: set[asyncio.Task[Any]]
    proxy: Proxy | None
    headers: Secret[CIMultiDict[str]]
    outcomes: set[asyncio.Task[Any]]
    deadlines: Deadlines

    def __init__(self, config: Config) -> None:
        self.is_closed = False
        route = config.route()
        self.proxy = route.proxy
        # aiohttp would send the headers of a session to a proxy too, in the clear. Without a proxy, a call
        # takes 3 % less time with them in the session.
        of_all, none = Secret(headers_of_all(config)), Secret(CIMultiDict[str]())
        of_session, self.headers = (none, of_all) if route.proxy else (of_all, none)
        self.tasks = set()
        self.outcomes = set()
        self.deadlines = Deadlines()
        session = partial(
            _session,
            route.context,
            of_session,
            aiohttp.ClientTimeout(total=None, sock_connect=config.timeouts.connect),
            limit=config.limits.connections,
            only_this_machine=config.project.is_local,
            deadlines=self.deadlines,
        )
        self.kept = session(keepalive_timeout=config.limits.keepalive)
        self.fresh = session(force_close=True)
        self._lifetime = self._live()

    @classmethod
    async def open(cls, config: Config) -> Pool:
        """A pool for the running loop."""
        pool = cls(config)
        _OPEN.add(pool)
        forget_in_child(pool)
        at_loop_end(asyncio.get_running_loop(), pool._drop)
        await anext(pool._lifetime)
        return pool

    async def aclose(self) -> None:
        """Close the connections and end the tasks."""
        with suppress(RuntimeError):  # the loop is shutting down, and closes it already
            await self._lifetime.aclose()

    def close_soon(self) -> None:
        """Close the connections when nothing is under way any more; called on its loop."""
        closing = asyncio.get_running_loop().create_task(self._close_at_rest())
        self.tasks.add(closing)
        closing.add_done_callback(self.tasks.discard)

    async def _close_at_rest(self) -> None:
        if self.outcomes:
            await asyncio.wait(list(self.outcomes))
        await self._close()

    async def _live(self) -> AsyncGenerator[None, None]:
        # A loop that is shut down closes the async generators that began on it: so `asyncio.run`
        # leaves no open socket behind, even if nobody closes the client.
        try:
            yield
        finally:
            # A `deliver` that closes its client is a part of what brought its secret.
            outcomes = [each for each in self.outcomes if not is_within(each)]
            if outcomes:
                await all_ended(outcomes, _OUTCOMES_WITHIN)
            for task in list(self.tasks):
                task.cancel()
            await asyncio.gather(*self.tasks, return_exceptions=True)
            await self._close()
            forget_loop_end(asyncio.get_running_loop(), self._drop)
            _OPEN.discard(self)

    def forget(self) -> None:
        """In a forked child, which shares the sockets, leave them to the parent."""
        never_collect(self)

    def _drop(self) -> None:
        """Close the sockets of a loop that was closed without being shut down."""
        _OPEN.discard(self)
        self.is_closed = True
        for session in (self.kept, self.fresh):
            connector = session.connector
            session.detach()
            if isinstance(connector, Connector):
                connector.drop()

    async def _close(self) -> None:
        self.is_closed = True
        await self.kept.close()
        await self.fresh.close()


def _session(
    context: SSLContext | None,
    headers: Secret[CIMultiDict[str]],
    timeout: aiohttp.ClientTimeout,
    **settings: Any,
) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        headers=headers.reveal(),
        timeout=timeout,
        connector=Connector(context=context, **settings),
        cookie_jar=aiohttp.DummyCookieJar(),
        # aiohttp would read .netrc too, and refuse our credentials beside those that it found.
        trust_env=False,
        max_line_size=MAX_HEADER,
        max_field_size=MAX_HEADER,
        # aiohttp counts the status line and the empty line too.
        max_headers=MAX_HEADERS + 2,
    )


#: The open pools. One that is collected would have to be closed by a new task of its loop, and a loop
#: that is shutting down does not wait for new tasks.
_OPEN: Final[set[Pool]] = set()
