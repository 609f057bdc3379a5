"""Exchanges of access keys as told, on a virtual clock."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from descope_async import (
    AccessKeyLoginOptions,
    DescopeError,
    TokenSource,
    Unauthorized,
)
from descope_async._calls.messages import Request
from descope_async._calls.repeats import Repeats
from descope_async._keys.exchange import MintedToken
from descope_async._keys.renewals import Renewals
from descope_async._keys.shared import Shared
from descope_async._values.secret import Secret
from descope_async.settings import Retries
from tests.quick_time import VirtualTime


class Service:
    """Exchanges keys as told, on a virtual clock.

    Attributes:
        life: Seconds that a token lives.
        failure: Makes what every exchange raises; None when it is well.
        valid: The keys that are accepted; None for any.
        sent: The keys that came.
        held_up: Where exchanges wait; None for nowhere.
    """

    def __init__(self, life: float = 600, seed: int = 0) -> None:
        self.clock = VirtualTime(seed=seed)
        self.life = life
        self.failure: Callable[[], DescopeError] | None = None
        self.valid: set[str] | None = None
        self.sent: list[str] = []
        self.held_up: asyncio.Event | None = None
        self.seconds = 0.0
        self.renewals = Renewals(Shared(self.clock, self.exchange, 15))
        self.repeats = Repeats(Retries(), self.clock)

    async def exchange(self, key: Secret[str], _: AccessKeyLoginOptions) -> MintedToken:
        request = Request(
            operation="exchange_access_key",
            method="POST",
            path="/",
            deadline=15,
            rate_limit_pause=10,
        )
        return await self.repeats.run(request, lambda _: self.answer(key))

    async def answer(self, key: Secret[str]) -> MintedToken:
        self.sent.append(key.reveal())
        number = len(self.sent)
        await asyncio.sleep(self.seconds)
        if self.held_up is not None:
            await self.held_up.wait()
        if self.failure is not None:
            raise self.failure()
        if self.valid is not None and key.reveal() not in self.valid:
            raise Unauthorized("no such key", status_code=401)
        return MintedToken(Secret(f"token-{number}"), self.clock.now(), self.life)

    def source(self, key: Any = "Ksecret", **options: Any) -> TokenSource:
        renewal = self.renewals.join(Secret[object](key), AccessKeyLoginOptions(**options))
        return TokenSource(renewal, self.renewals, None)


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)
