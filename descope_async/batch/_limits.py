"""What the service says about its rate limits: the project's tier, and each refusal."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from descope_async.client import DescopeClient
from descope_async.events import Event, GateClosed

from ._pace import Pace


@asynccontextmanager
async def following(client: DescopeClient, pace: Pace) -> AsyncGenerator[None]:
    """Let a pace follow the rate limits that a client meets, also where it waits by itself.

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
