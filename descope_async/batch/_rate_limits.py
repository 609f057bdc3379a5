"""Tells a pace about the service's rate limits: the project's tier, and each refused call."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from descope_async.client import DescopeClient
from descope_async.events import Event, GateClosed

from ._pace import Pace


@asynccontextmanager
async def following(client: DescopeClient, pace: Pace) -> AsyncGenerator[None]:
    """Let a pace follow all rate limits that the client meets.

    Args:
        client: Makes the calls.
        pace: Is told.
    """

    def hear(event: Event) -> None:
        if isinstance(event, GateClosed):
            pace.note_limit(event.seconds)

    pace.note_tier(client._license.tier)  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] - a part of this package
    with client._telemetry.listening(hear):  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] - as above
        yield
