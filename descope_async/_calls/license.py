"""The project's rate-limit tier, which management calls tell the service."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Final

from descope_async._config.config import Config
from descope_async._runtime.clock import Clock
from descope_async._runtime.late_imports import late_import
from descope_async._runtime.single_flight import SingleFlight, runs_asyncio
from descope_async._runtime.waits import move_on_after
from descope_async.errors import DescopeError

from .messages import Answer, Request
from .transport import Transport

if TYPE_CHECKING:
    from .wire import LicenseAnswer

_AGAIN_AFTER: Final = 60.0
_DEADLINE: Final = 5.0
#: Seconds for which a call waits while another one is under way.
_BURST_WAITS: Final = 0.15
#: It goes into a header, so nothing else may come with it.
_TIER: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}")


class License:
    """Asks once, in the background of the first management call, and again after a failure.

    The tier only selects a rate limit, so a call does without it. But in a burst of calls nearly all
    would have the lowest limit, so while one is under way, further calls wait a moment for the tier.

    Attributes:
        tier: The tier, such as ``"tier1"``; None while unknown.
    """

    tier: str | None

    def __init__(self, config: Config, transport: Transport, clock: Clock) -> None:
        self._config = config
        self._transport = transport
        self._clock = clock
        self.tier = None
        self._ask_at = 0.0
        self._asking = SingleFlight[bool]()
        # Only single operations of a set, which threads may do at once.
        self._calls: set[object] = set()

    @asynccontextmanager
    async def during_call(self) -> AsyncGenerator[None]:
        """What a management call happens in while the tier is unknown."""
        is_single, call = not self._calls, object()
        self._calls.add(call)
        try:
            if runs_asyncio():  # otherwise the call is refused
                self._asking.start(self._ask, self._may_ask)
                if not is_single:
                    async with move_on_after(_BURST_WAITS):
                        await self._asking.join(self._ask, self._may_ask)
            yield
        finally:
            self._calls.discard(call)

    async def aclose(self) -> None:
        """Ask no more."""
        await self._asking.aclose()

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
            bearer=self._config.deployment.management_bearer,
        )
        self.tier = None
        tier = (await self._transport.send(request, _read)).rate_limit_tier
        self.tier = tier if _TIER.fullmatch(tier) else None

    def _may_ask(self) -> bool:
        is_due = self.tier is None and self._clock.running() >= self._ask_at
        if is_due:
            self._ask_at = self._clock.running() + _AGAIN_AFTER
        return is_due

    async def _ask(self) -> bool:
        with suppress(DescopeError):
            await self.ask()
        return self.tier is not None


@late_import
def _reader() -> Callable[[bytes], Awaitable[LicenseAnswer]]:
    """What reads the answer. A client that makes no management call needs nothing of it."""
    from .wire import LicenseAnswer, read

    return partial(read, LicenseAnswer)


async def _read(answer: Answer) -> LicenseAnswer:
    return await _reader()(answer.body)
