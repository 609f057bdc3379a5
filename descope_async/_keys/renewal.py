"""The renewal of one session token: when an exchange may happen, and what its failure means."""

from __future__ import annotations

import math
from collections.abc import Awaitable
from typing import Any, Final, Literal

from descope_async._calls.retry_rules import REFUSALS
from descope_async._runtime.backoff import Backoff
from descope_async._runtime.single_flight import SingleFlight
from descope_async._runtime.waits import move_on_after
from descope_async._values.secret import Secret
from descope_async.errors import ClientClosed, DeadlineExceeded, DescopeError, RateLimited
from descope_async.events import ClockSkewFound, StaleTokenServed, TokenRenewed

from .key_reader import KeyReader
from .refused_keys import again
from .renewal_times import HeldToken
from .shared import Shared

#: Seconds that callers wait for the successor of a token that will soon end.
PATIENCE: Final = 2.0
#: Seconds of the first pause after a failed renewal, and of the longest: with a token, and without.
_FIRST_PAUSE, _LONGEST_PAUSE, _LONGEST_PAUSE_WITHOUT = 1.0, 30.0, 5.0
#: Seconds between two renewals that were asked for because a receiver refused the token.
_INVALIDATE_EVERY: Final = 10.0
#: Seconds by which this machine's clock may differ from the service's without a warning.
_MAX_SKEW: Final = 60.0

_OPERATION: Final = "exchange_access_key"
_Trigger = Literal["first", "due", "expired", "invalidated"]


class Renewal:
    """The current token of one access key with one set of login options.

    Attributes:
        held: The current token; None before the first exchange.
        users: How many open sources use it.
    """

    held: HeldToken | None

    def __init__(
        self, reader: KeyReader, options: Any, options_name: bytes, shared: Shared
    ) -> None:
        self.held = None
        self.users = 0
        self._reader = reader
        self._options = options
        self._options_name = options_name
        self._shared = shared
        self._clock = shared.clock
        self._flight = SingleFlight[HeldToken]()
        self._failures = 0
        self._failure: DescopeError | None = None
        self._pause_until = 0.0
        self._retry_at = 0.0
        self._warned_of: HeldToken | None = None
        self._invalidated_at: float | None = None
        self._is_invalidated = False
        self._is_closed = False

    def current(self) -> Awaitable[HeldToken | None]:
        """A token that is good now; None if the exchange was lost with its loop: then ask again.

        Raises:
            DescopeError: There is none, for the reason that it names; raised when it is awaited.
        """
        held = self.held
        if (held is None or self._clock.running() >= held.expires_at) and not self._is_over():
            # Thousands of tasks may wait here; give each a bare future instead of a coroutine.
            coming = self._flight.under_way()
            if coming is not None:
                return coming
        return self._current()

    def served(self, held: HeldToken | None) -> HeldToken | None:
        """What a caller gets; hooks are told if it should have been renewed by now."""
        if held is not None and (now := self._clock.running()) >= held.mandatory_at:
            self._shared.telemetry.tell(StaleTokenServed(usable_for=held.expires_at - now))
        return held

    def invalidate(self, token: Secret[object]) -> None:
        """Drop the token if it is the current one, unless another one was dropped just before."""
        now, held = self._clock.running(), self.held
        if held is None or held.token != token.reveal():
            return
        if self._invalidated_at is None or now >= self._invalidated_at + _INVALIDATE_EVERY:
            self._invalidated_at = now
            self._is_invalidated = True
            self.held = None

    async def aclose(self) -> None:
        """Stop the exchange under way, and forget the token and the key."""
        self._is_closed = True
        self.held = None
        await self._flight.aclose()

    def delay_again(self) -> None:
        """In a forked child, do not renew when the parent does."""
        if self.held is not None:
            self.held = self.held.with_another_delay(self._clock.draw)

    async def _current(self) -> HeldToken:
        if self._is_over():
            raise ClientClosed("the token source is closed")
        held = self.held
        if held is not None:
            now = self._clock.running()
            if now < held.mandatory_at:
                if now >= held.refresh_at:
                    self._flight.start(self._renew, lambda: self._is_due(held))
                return held
            if now < held.last_call_at:
                await self._wait_a_little(held)
                return self.held or held
        renewed = await self._flight.join(self._renew, lambda: self._is_due(held))
        if renewed is not None:
            return renewed
        now = self._clock.running()
        if (usable := self._usable(now)) is not None:
            return usable
        if self.held is not held or self._failure is None or self._is_over():
            return await self._current()
        raise again(self._failure, self._retry_at - now)

    async def _wait_a_little(self, held: HeldToken) -> None:
        async with move_on_after(PATIENCE):
            try:
                await self._flight.join(self._renew, lambda: self._is_due(held))
            except DescopeError:
                return  # the token is still good

    def _is_over(self) -> bool:
        return self._is_closed or self._shared.is_closed

    def _usable(self, now: float) -> HeldToken | None:
        held = self.held
        return held if held is not None and now < held.expires_at else None

    def _is_due(self, seen: HeldToken | None) -> bool:
        """Whether an exchange may begin for somebody who saw this token."""
        if self.held is not seen or self._is_over():
            return False
        if self._failure is None:
            return True
        now = self._clock.running()
        # Without a token, a refused key is looked up each time: it may have been replaced.
        is_refused = isinstance(self._failure, REFUSALS) and self._usable(now) is None
        return is_refused or now >= self._pause_until

    async def _renew(self) -> HeldToken:
        began, old = self._clock.running(), self.held
        trigger = self._trigger(began, old)
        renewed: HeldToken | None = None
        try:
            async with move_on_after(self._shared.deadline):
                renewed = await self._exchange_current_key()
            if renewed is None:
                raise DeadlineExceeded(
                    f"{_OPERATION}: no token in time", may_be_done=True, operation=_OPERATION
                )
        except ClientClosed:
            raise
        except DescopeError as error:
            now = self._clock.running()
            usable = self._usable(now)
            self._note(error, now, usable)
            self._tell(began, now, old, trigger, error, usable)
            if usable is not None:
                return usable
            raise
        self._tell(began, self._clock.running(), old, trigger)
        return renewed

    async def _exchange_current_key(self) -> HeldToken:
        key = await self._reader.read()
        name = self._checked_name(key)
        try:
            return await self._exchange(key, name)
        except REFUSALS:
            newer = await self._reader.read()
            if newer.reveal() == key.reveal():
                raise
        # The key was replaced while the old one was sent.
        return await self._exchange(newer, self._checked_name(newer))

    def _checked_name(self, key: Secret[str]) -> bytes:
        """A name for the key and what is asked for it, unless it must not be sent now."""
        name = self._shared.fingerprint(key) + self._options_name
        self._shared.refused.check(name)
        return name

    async def _exchange(self, key: Secret[str], name: bytes) -> HeldToken:
        asked_at = self._clock.running()
        try:
            minted = await self._shared.mint(key, self._options)
        except REFUSALS as error:
            self._shared.refused.refuse(name, error)
            raise
        self._shared.refused.accept(name)
        renewed = HeldToken.of(minted, asked_at, self._clock.draw)
        known = self.held
        if not self._is_over() and (known is None or known.asked_at <= asked_at):
            self.held = renewed
        skew = minted.issued_at - self._clock.now()
        if self._failure is None and known is None and abs(skew) > _MAX_SKEW:
            self._shared.telemetry.tell(ClockSkewFound(seconds=skew))
        self._is_invalidated = False
        self._failures, self._failure, self._pause_until = 0, None, 0.0
        return renewed

    def _note(self, error: DescopeError, now: float, usable: HeldToken | None) -> None:
        longest, until = _LONGEST_PAUSE_WITHOUT, math.inf
        if usable is not None and now < usable.last_call_at:  # then it is worth another try
            longest, until = min(_LONGEST_PAUSE, usable.lead / 4), usable.last_call_at
        pause = Backoff(_FIRST_PAUSE, longest).drawn(self._failures, self._clock.draw)
        self._pause_until = self._retry_at = min(now + pause, until)
        if isinstance(error, RateLimited) and error.retry_after is not None:
            self._retry_at = max(self._retry_at, now + error.retry_after)
            # Without a token, callers wait out a rate limit that ends within their time for an
            # answer.
            patience = 0 if usable is not None else self._shared.deadline
            self._pause_until = max(self._pause_until, self._retry_at - patience)
        self._failures += 1
        self._failure = again(error, error.retry_after)

    def _trigger(self, now: float, old: HeldToken | None) -> _Trigger:
        if old is None:
            return "invalidated" if self._is_invalidated else "first"
        return "due" if now < old.expires_at else "expired"

    def _tell(
        self,
        began: float,
        now: float,
        old: HeldToken | None,
        trigger: _Trigger,
        error: DescopeError | None = None,
        usable: HeldToken | None = None,
    ) -> None:
        is_first = usable is not None and usable is not self._warned_of
        if is_first:
            self._warned_of = usable
        self._shared.telemetry.tell(
            TokenRenewed(
                outcome="done" if error is None else "error",
                trigger=trigger,
                duration=now - began,
                age=None if old is None else now - old.asked_at,
                usable_for=None if usable is None else usable.expires_at - now,
                is_first_failure=is_first,
                error_type=None if error is None else type(error).__name__,
                problem=None if error is None else str(error),
            )
        )
