"""Calls that a management key authorizes."""

from __future__ import annotations

from typing import TypeVar

from attrs import AttrsInstance

from descope_async._config.config import Config

from .license import License
from .messages import REPEATABLE, Request
from .once import Once
from .operations import Operation
from .transport import Transport

V = TypeVar("V", bound=AttrsInstance)


class ManagementCalls:
    """Sends operations with the management key and the project's rate-limit tier."""

    def __init__(self, config: Config, transport: Transport, license: License) -> None:
        self._config = config
        self._transport = transport
        self._license = license

    async def send(
        self,
        operation: Operation[V],
        *,
        query: tuple[tuple[str, str], ...] = (),
        body: bytes | None = None,
        once: Once | None = None,
    ) -> V:
        """Let the service carry out an operation.

        Args:
            operation: What to do.
            query: Names and values of query parameters.
            body: JSON; None for none.
            once: For an operation that must not be carried out twice; None for others.

        Raises:
            ConfigurationError: The client has no management key.
            DescopeError: As of `Transport.send`.
        """
        request = Request(
            operation=operation.name,
            method=operation.method,
            path=operation.path,
            deadline=self._config.timeouts.deadline,
            bearer=self._config.deployment.management_bearer,
            query=query,
            body=body,
            max_body=operation.max_body,
            silence=None if once is None else self._config.timeouts.secret,
            care=once or REPEATABLE,
            new_secret=None if once is None else once.new_secret,
        )
        if self._license.tier is None:
            async with self._license.during_call():
                request.license_tier = self._license.tier
                return await self._transport.send(request, operation.read)
        request.license_tier = self._license.tier
        return await self._transport.send(request, operation.read)
