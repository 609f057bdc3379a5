"""Calls that a management key authorizes."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, TypeVar

from attrs import AttrsInstance

from descope_async._config.config import Config

from .license import License
from .messages import Request
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

    def send(
        self,
        operation: Operation[V],
        *,
        query: tuple[tuple[str, str], ...] = (),
        body: bytes | None = None,
        once: Once | None = None,
    ) -> Coroutine[Any, Any, V]:
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
            license_tier=self._license.tier,
        )
        if once is not None:
            request.care, request.new_secret = once, once.new_secret
            request.silence = self._config.timeouts.secret
        if request.license_tier is None:
            return self._ask_for_tier_and_send(request, operation)
        return self._transport.send(request, operation.read)

    async def _ask_for_tier_and_send(self, request: Request, operation: Operation[V]) -> V:
        async with self._license.during_call():
            request.license_tier = self._license.tier
            return await self._transport.send(request, operation.read)
