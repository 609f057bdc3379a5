"""Connections to the service: for each event loop its own, closed with it."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple

from descope_async._config.config import Config
from descope_async._runtime.cancel_scopes import cancel_scope
from descope_async._runtime.deadlines import all_ended
from descope_async._runtime.forks import catch_up_with_fork, forget_in_child, never_collect
from descope_async._runtime.imports_aside import aside
from descope_async._runtime.late_imports import late_import
from descope_async._runtime.single_flight import SingleFlight, runs_asyncio
from descope_async.errors import ClientClosed, ConfigurationError, ConnectionFailed

if TYPE_CHECKING:
    from .attempts import Attempts
    from .pool import Pool

_CLOSE_WITHIN: Final = 5.0


class Http(NamedTuple):
    """What needs aiohttp."""

    pool: type[Pool]
    attempts: type[Attempts]


@late_import
def http() -> Http:
    """The classes that need aiohttp, which takes 130 ms to import."""
    from .attempts import Attempts
    from .pool import Pool

    return Http(Pool, Attempts)


def require_asyncio() -> asyncio.AbstractEventLoop:
    """The running loop.

    Raises:
        ConfigurationError: No asyncio loop runs here.
    """
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        problem = (
            "descope_async needs an asyncio event loop: under trio, await "
            "trio.to_thread.run_sync with a method of descope_sync"
        )
    raise ConfigurationError(problem)


class Connections:
    """One pool for each event loop that uses it."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._is_closed = False
        # Only single dict operations, which threads may do at once.
        self._pools: dict[asyncio.AbstractEventLoop, Pool] = {}
        self._is_prepared = False
        self._preparing = SingleFlight[bool]()
        forget_in_child(self)

    async def pool(self) -> Pool:
        """The pool of the running loop.

        Raises:
            ClientClosed: After `aclose`.
            ConfigurationError: What the environment says of the way to the service cannot be used.
            ConnectionFailed: A file that every call needs cannot be opened.
        """
        await self._prepared()
        pool = self.pool_if_open()  # nothing is awaited from here until a new one is kept
        if pool is None:
            for other in list(self._pools):
                if other.is_closed():
                    self._pools.pop(other, None)
            pool = await http().pool.open(self._config)
            self._pools[asyncio.get_running_loop()] = pool
            if self._is_closed:  # meanwhile, by another thread
                await pool.aclose()
                raise ClientClosed("the client is closed")
        return pool

    async def prepare(self) -> None:
        """Do what the first call would wait for, but send nothing.

        Raises:
            ConnectionFailed: A file that every call needs cannot be opened.
        """
        with suppress(ConfigurationError):  # the first call says it
            await self._prepared()

    def pool_if_open(self) -> Pool | None:
        """The pool of the running loop, unless it is still to be opened.

        Raises:
            ClientClosed: After `aclose`.
            ConfigurationError: No asyncio loop runs here.
        """
        loop = require_asyncio()
        catch_up_with_fork()
        if self._is_closed:
            raise ClientClosed("the client is closed")
        pool = self._pools.get(loop)
        return None if pool is None or pool.is_closed else pool

    async def aclose(self) -> None:
        """Close the connections, those of other running loops included. May be repeated."""
        self._is_closed = True
        if not runs_asyncio():
            self._pools.clear()  # they belong to other loops, which close them
            return
        here = asyncio.get_running_loop()
        pools = list(self._pools.items())
        self._pools.clear()
        closing: list[asyncio.Future[None]] = []
        for loop, pool in pools:
            if loop is here:
                closing.append(asyncio.ensure_future(pool.aclose()))
            elif loop.is_running():
                elsewhere = asyncio.run_coroutine_threadsafe(pool.aclose(), loop)
                closing.append(asyncio.wrap_future(elsewhere))
            # A loop that stands still closes its pool when it is shut down.
        if closing:
            with cancel_scope()(shield=True):
                await all_ended(closing, _CLOSE_WITHIN)

    @property
    def is_open(self) -> bool:
        """Whether there are connections that somebody should close."""
        return bool(self._still_open())

    def __del__(self) -> None:
        # A call under way refers to this object, so no call is under way now.
        for loop, pool in self._still_open():
            with suppress(RuntimeError):  # it ends this very moment
                loop.call_soon_threadsafe(pool.close_soon)

    async def _prepared(self) -> None:
        while not self._is_prepared and runs_asyncio():
            try:
                await self._preparing.join(partial(aside, self._prepare))
            except OSError as error:  # such as no more open files, for an import
                problem = f"no connection can be made: {error}"
                raise ConnectionFailed(problem, may_be_done=False) from error

    def _prepare(self) -> None:
        """Import what calls need, and read the certificate authorities. It takes long."""
        for each in (http, cancel_scope):
            each()
        self._config.route()
        self._is_prepared = True

    def _still_open(self) -> list[tuple[asyncio.AbstractEventLoop, Pool]]:
        return [
            (loop, pool)
            for loop, pool in list(self._pools.items())
            if not (pool.is_closed or loop.is_closed())
        ]

    def forget(self) -> None:
        """In a forked child, let go of the parent's connections without closing them.

        They stay referenced: to collect one would take its socket out of the epoll set that both
        processes share, under the parent's hands.
        """
        never_collect(self._pools)
        self._pools = {}
