"""The project's rate-limit tier, which management calls tell the service."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import Final

from descope_async._config.config import Config
from descope_async._runtime.clock import Clock
from descope_async.errors import DescopeError

from . import wire
from .messages import Answer, Request
from .transport import Transport

_AGAIN_AFTER: Final = 60.0
_DEADLINE: Final = 5.0
#: It goes into a header, so nothing else may come with it.
_TIER: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}")


class License:
    """Asks once, in the background of the first management call, and again after a failure.

    The tier only selects a rate limit, so no call waits for it or fails without it.
    """

    def __init__(self, config: Config, transport: Transport, clock: Clock) -> None:
        self._config = config
        self._transport = transport
        self._clock = clock
        self._tier: str | None = None
        self._ask_at = 0.0

    async def tier(self) -> str | None:
        """The tier, such as ``"tier1"``; None while unknown."""
        if self._tier is None and self._clock.running() >= self._ask_at:
            self._ask_at = self._clock.running() + _AGAIN_AFTER
            await self._transport.spawn(self._ask)
        return self._tier

    async def ask(self) -> None:
        """Ask the service for the tier, and keep it.

        Raises:
            DescopeError: It cannot be had.
        """
        request = Request(
            operation="license",
            method="GET",
            path="/v1/mgmt/license",
            deadline=_DEADLINE,
            bearer=self._config.management_bearer(),
        )
        self._tier = None
        tier = (await self._transport.send(request, _read)).rate_limit_tier
        self._tier = tier if _TIER.fullmatch(tier) else None

    async def _ask(self) -> None:
        with suppress(DescopeError):
            await self.ask()


async def _read(answer: Answer) -> wire.LicenseAnswer:
    return await answer.read(wire.LicenseAnswer)
