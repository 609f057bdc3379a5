"""The project's signing keys: fetched, cached, and fetched again when they change."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Final
from weakref import WeakKeyDictionary

from .clock import Clock
from .errors import (
    ConfigurationError,
    DescopeError,
    InvalidArgument,
    KeySetUnavailable,
    UnexpectedResponse,
    UnknownKey,
)
from .jws import VerifyingKey, load_key
from .strict_json import read_object

MAX_KEY_SET: Final = 256 * 1024
_MAX_KEYS: Final = 64
_FRESH_FOR: Final = 600.0
#: A key outlives twelve daily rotations, so day-old keys are better than no service.
_USABLE_FOR: Final = 86_400.0
#: Fetches for an unknown kid: anybody can make one up, so they come from a small bucket.
_UNKNOWN_FETCHES: Final = 3
_UNKNOWN_REFILL: Final = 30.0

KeySet = Mapping[str, VerifyingKey]


def parse_key_set(document: bytes) -> KeySet:
    """The usable keys of a JWK set (RFC 7517 section 5) by their kid.

    A key that is broken, weak or meant for something else is passed over.

    Raises:
        UnexpectedResponse: It is no JWK set, or none of its keys is usable.
    """
    members = read_object(document)
    listed = members.get("keys") if members is not None else None
    if not isinstance(listed, tuple):
        raise UnexpectedResponse("the key set is not a JSON object with a list of keys")
    found: dict[str, VerifyingKey] = {}
    for jwk in listed[:_MAX_KEYS]:
        key = _usable(jwk)
        if key is not None and key.kid is not None:
            found[key.kid] = key
    if not found:
        raise UnexpectedResponse("the key set has no usable key")
    return found


def parse_pinned_keys(text: str) -> KeySet:
    """The keys that a client was told to trust: a JWK or a JWK set.

    Raises:
        ConfigurationError: The text is neither, or a key in it is unusable.
    """
    document = read_object(text.encode())
    listed = document.get("keys", (document,)) if document is not None else None
    if not isinstance(listed, tuple):
        raise ConfigurationError("public_key is not a JWK or a JWK set")
    try:
        keys = [load_key(jwk) for jwk in listed]
    except InvalidArgument as error:
        raise ConfigurationError(f"public_key: {error}") from None
    pinned = {key.kid: key for key in keys if key.kid is not None}
    if not pinned:
        raise ConfigurationError("public_key has no kid, so no token can name it")
    return pinned


class KeyCache:
    """The current keys. An immutable snapshot that is replaced as a whole."""

    def __init__(
        self, fetch: Callable[[], Awaitable[bytes]], clock: Clock, pinned: KeySet | None
    ) -> None:
        self._fetch = fetch
        self._clock = clock
        self._pinned = pinned
        self._keys: KeySet = pinned or {}
        self._fetched_at = 0.0
        self._unknown_fetches = float(_UNKNOWN_FETCHES)
        self._refilled_at = clock.running()
        self._flights: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Task[None]] = (
            WeakKeyDictionary()
        )

    async def key(self, kid: str) -> VerifyingKey:
        """The key with this id.

        Raises:
            UnknownKey: The project has no such key, as far as is known now.
            KeySetUnavailable: The keys are not known and cannot be fetched.
        """
        if self._pinned is not None:
            return self._known(kid)
        if not self._keys or self._age() > _FRESH_FOR:
            try:
                await self._refresh()
            except KeySetUnavailable:
                if not self._keys or self._age() > _USABLE_FOR:
                    raise
        elif kid not in self._keys and self._may_look_for_unknown():
            await self._refresh()
        return self._known(kid)

    def _known(self, kid: str) -> VerifyingKey:
        found = self._keys.get(kid)
        if found is None:
            raise UnknownKey("the token is signed by a key that the project does not have now")
        return found

    def _age(self) -> float:
        return self._clock.running() - self._fetched_at

    def _may_look_for_unknown(self) -> bool:
        now = self._clock.running()
        refill = (now - self._refilled_at) / _UNKNOWN_REFILL
        self._unknown_fetches = min(_UNKNOWN_FETCHES, self._unknown_fetches + refill)
        self._refilled_at = now
        if self._unknown_fetches < 1:
            return False
        self._unknown_fetches -= 1
        return True

    async def _refresh(self) -> None:
        # One fetch serves all who wait for it on this loop. It is a task of its own, so that the
        # one who started it may be cancelled without harm to the others.
        loop = asyncio.get_running_loop()
        flight = self._flights.get(loop)
        if flight is None or flight.done():
            flight = loop.create_task(self._fetch_keys())
            flight.add_done_callback(_retrieve)
            self._flights[loop] = flight
        await asyncio.shield(flight)

    async def _fetch_keys(self) -> None:
        try:
            keys = parse_key_set(await self._fetch())
        except DescopeError as error:
            failure = KeySetUnavailable(
                f"the project's signing keys cannot be had: {error}",
                sent=True,
                operation="key_set",
                status_code=error.status_code,
                request_id=error.request_id,
            )
        else:
            self._keys, self._fetched_at = keys, self._clock.running()
            return
        raise failure


def _usable(jwk: object) -> VerifyingKey | None:
    try:
        return load_key(jwk) if isinstance(jwk, dict) else None
    except InvalidArgument:
        return None


def _retrieve(flight: asyncio.Task[None]) -> None:
    # An error that nobody was left to await is no "exception was never retrieved".
    if not flight.cancelled():
        flight.exception()
