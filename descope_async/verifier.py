"""Verifies the access keys that callers present, and remembers the answers."""

from __future__ import annotations

import re
from collections.abc import Callable, Coroutine
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from ._calls.retry_rules import REFUSALS
from ._keys.presented_keys import KnownAnswer, Lifetimes, PresentedKeys
from ._values.secret import Secret
from .errors import (
    AudienceMismatch,
    ClientClosed,
    ConfigurationError,
    DescopeError,
    Forbidden,
    RateLimited,
)
from .events import AccessKeyChecked
from .session_token import SessionToken
from .verification import UnverifiedKey, UnverifiedReason, Verification, VerifiedKey

if TYPE_CHECKING:
    from ._keys.shared import Shared

__all__ = ["AccessKeyVerifier"]

#: Visible ASCII. A colon would add a part to the credential that the key is sent in.
_KEY: Final = re.compile(r"[!-9;-~]{20,512}")
_MALFORMED: Final = UnverifiedKey(
    "malformed", detail="an access key is 20 to 512 visible ASCII characters, none of them a colon"
)
#: Seconds for which a key is not sent again after no usable answer came.
_PAUSE, _LONGEST_PAUSE = 1.0, 60.0


class AccessKeyVerifier:
    """Tells whether an access key that a caller presents is good, and what it may do.

    Made by `DescopeClient.access_key_verifier`. One verifier serves any number of tasks, threads
    and event loops, until the client is closed. It keeps answers, never keys.

    A key is exchanged at the service, once for all who present it meanwhile. The answer serves for
    a while, and then on while the service is asked again in the background. Keys that were never
    accepted may cause 100 exchanges at once and 50 a second, so that guessing neither spends the
    project's rate limit nor holds up callers who are known.
    """

    def __init__(
        self,
        exchange: Callable[[Secret[str]], Coroutine[Any, Any, SessionToken]],
        shared: Shared,
        lifetimes: Lifetimes,
        owner: object = None,
    ) -> None:
        self._exchange = exchange
        self._shared = shared
        self._clock = shared.clock
        self._lifetimes = lifetimes
        self._owner = owner
        self._known = PresentedKeys()
        self._is_failing = False

    async def verify(self, access_key: str | None) -> Verification:
        """Check an access key. A bad one is no error: the result says what is wrong.

        Args:
            access_key: What the caller presented, unchanged. None, or anything else that cannot be
                an access key, is ``"malformed"``.

        Raises:
            ConfigurationError: The client has no project, or a setting cannot be used.
            ClientClosed: The client is closed.
        """
        given: Secret[object] = Secret(access_key)
        del access_key
        key = self._shaped(given)
        if key is None:
            return _MALFORMED
        name = self._shared.fingerprint(key)
        now, known = self._clock.running(), self._known.find(name)
        if known is not None and now < known.fresh_until:
            return known.at(now)
        flight = self._known.flight(name)
        ask = partial(self._ask, key, name, flight)
        if known is not None and now < known.usable_until:
            flight.start(ask, lambda: self._instead(name) is None)
            return known.at(now)
        instead: Verification | None = None

        def may_ask() -> bool:
            nonlocal instead
            instead = self._instead(name)
            return instead is None

        found = await flight.join(ask, may_ask)
        if found is None:
            found = instead
        assert found is not None  # noqa: S101 - what was not asked for was answered instead
        return found

    def verify_nowait(self, access_key: str | None) -> Verification | None:
        """Check an access key by what is known already, without any I/O, on the calling thread.

        Args:
            access_key: As for `verify`.

        Returns:
            None when the service must be asked: `verify` does.

        Raises:
            ClientClosed: The client is closed.
        """
        given: Secret[object] = Secret(access_key)
        del access_key
        key = self._shaped(given)
        if key is None:
            return _MALFORMED
        now, known = self._clock.running(), self._known.find(self._shared.fingerprint(key))
        return known.at(now) if known is not None and now < known.fresh_until else None

    def __repr__(self) -> str:
        return "<AccessKeyVerifier>"

    def _shaped(self, given: Secret[object]) -> Secret[str] | None:
        """The key, if it can be one."""
        if self._shared.is_closed:
            raise ClientClosed("the client is closed")
        value = given.reveal()
        return Secret(value) if isinstance(value, str) and _KEY.fullmatch(value) else None

    def _instead(self, name: bytes) -> Verification | None:
        """The answer where the service is not asked. None to ask it, which takes a permit."""
        now, known = self._clock.running(), self._known.find(name)
        if known is not None and now < known.fresh_until:  # somebody else has just asked
            return known.at(now)
        wait = self._known.take_permit(name, now)
        if wait > 0:
            return UnverifiedKey(
                "rate_limited", retry_after=wait, detail="too many unknown keys are being tried"
            )
        return None

    async def _ask(self, key: Secret[str], name: bytes, _flight: object) -> Verification:
        """Exchange a key. The flight is passed only to keep it alive until then."""
        asked_at = self._clock.running()
        try:
            session = await self._exchange(key)
        except ConfigurationError:
            raise  # the client has no project
        except DescopeError as error:
            if self._shared.is_closed:
                raise ClientClosed("the client was closed during the call") from None
            return self._judge(name, error, asked_at)
        self._is_failing = False
        now = self._clock.running()
        ends_at = now + session.expire_time - self._clock.now()
        # Counted from the question: a slow answer must not prolong the life of a revoked key.
        fresh, usable = self._lifetimes.fresh, self._lifetimes.usable
        found = VerifiedKey(session)
        self._tell(found, now - asked_at)
        self._known.accept(
            name,
            KnownAnswer(
                found, asked_at, min(asked_at + fresh, ends_at), min(asked_at + usable, ends_at)
            ),
        )
        return found

    def _judge(self, name: bytes, error: DescopeError, asked_at: float) -> Verification:
        now, reason = self._clock.running(), _reason(error)
        pause = _pause(error) if reason == "unavailable" else None
        found = UnverifiedKey(
            reason, retry_after=pause, error_code=error.error_code, detail=str(error)
        )
        self._tell(found, now - asked_at, is_outage=pause is not None and not self._is_failing)
        self._is_failing = pause is not None
        until = now + (self._lifetimes.refused if pause is None else pause)
        known = KnownAnswer(found, asked_at, until, until)
        if pause is not None:
            return self._known.fail(name, known, now).verification
        self._known.refuse(name, known)
        return found

    def _tell(self, found: Verification, duration: float, *, is_outage: bool = False) -> None:
        self._shared.telemetry.tell(
            AccessKeyChecked(
                reason=found.reason,
                duration=duration,
                is_outage=is_outage,
                problem=found.detail,
            )
        )


def _reason(error: DescopeError) -> UnverifiedReason:
    if isinstance(error, Forbidden | AudienceMismatch):
        return "forbidden"
    return "refused" if isinstance(error, REFUSALS) else "unavailable"


def _pause(error: DescopeError) -> float:
    asked = max(_PAUSE, error.retry_after or 0.0)
    return asked if isinstance(error, RateLimited) else min(asked, _LONGEST_PAUSE)
