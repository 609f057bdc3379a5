"""Sends a client's requests: over the running loop's connections, as often as it takes."""

from __future__ import annotations

from asyncio import CancelledError
from collections.abc import Awaitable, Callable, Coroutine
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, TypeVar

from descope_async._config.config import Config
from descope_async._config.extra_headers import RequestId, is_request_id
from descope_async._runtime.clock import Clock
from descope_async.events._log import LOG
from descope_async.events._telemetry import Telemetry

from .connections import Connections, http
from .messages import Answer, Request
from .repeats import Repeats

if TYPE_CHECKING:
    from .attempts import Attempts

T = TypeVar("T")


class Transport:
    """Sends the requests of a client.

    Args:
        config: The client's settings.
        clock: The time source, which also waits and draws random delays.
        telemetry: Receives the events.
    """

    def __init__(self, config: Config, clock: Clock, telemetry: Telemetry) -> None:
        self._connections = Connections(config)
        self._config = config
        self._clock = clock
        self._repeats = Repeats(config.retries, clock, telemetry=telemetry)

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
        pool = self._connections.pool_if_open()
        if pool is None:
            return self._open_and_send(request, read)
        if self._config.external_request_id is not None:
            request.external_id = self._external_id(self._config.external_request_id)
        request.secrets = self._config.secrets
        make = partial(self._attempts.make, request, read, pool)
        return self._repeats.run(request, partial(request.care.carry_out, make, pool.outcomes))

    async def aclose(self) -> None:
        """Close the connections, those of other running loops included. May be repeated."""
        await self._connections.aclose()

    async def prepare(self) -> None:
        """Do what the first call would wait for, but send nothing."""
        await self._connections.prepare()

    @property
    def is_open(self) -> bool:
        """Whether there are connections that somebody should close."""
        return self._connections.is_open

    async def _open_and_send(self, request: Request, read: Callable[[Answer], Awaitable[T]]) -> T:
        await self._connections.pool()
        return await self.send(request, read)

    @cached_property
    def _attempts(self) -> Attempts:
        # `http` was imported when the first pool was opened, so this imports nothing.
        return http().attempts(self._config, self._clock)

    def _external_id(self, current: RequestId) -> str | None:
        """The id of the caller's own request. One that is no id never stops a call."""
        try:
            found = current()
        except (Exception, CancelledError) as error:  # noqa: BLE001 - whatever the user's function raises
            LOG.warning("external_request_id raised %s", type(error).__name__)
            return None
        return found if isinstance(found, str) and is_request_id(found) else None
