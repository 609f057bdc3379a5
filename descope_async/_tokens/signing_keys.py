"""The project's signing keys: fetched, cached, and fetched again when they change."""

from __future__ import annotations

import re
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, Final, Literal, NoReturn

from attrs import frozen

from descope_async._runtime.backoff import Backoff
from descope_async._runtime.bucket import Bucket
from descope_async._runtime.clock import Clock
from descope_async._runtime.single_flight import SingleFlight
from descope_async._values.secret import Secret
from descope_async.errors import (
    ClientClosed,
    ConfigurationError,
    DescopeError,
    KeySetUnavailable,
    RequestFailed,
    UnexpectedResponse,
)
from descope_async.events import KeySetFetched
from descope_async.events._telemetry import UNHOOKED, Telemetry

from .key_set import FetchedKeys, KeySet, parse_key_set
from .key_set_file import KeySetFile
from .signatures import PublicKey, import_handle_maker

#: Seconds until keys are renewed in the background, unless the service says otherwise.
FRESH_FOR: Final = 600.0
SHORTEST_FRESH, LONGEST_FRESH = 60.0, 86_400.0
#: By what part the time is varied, so that processes that started together do not fetch together.
SPREAD: Final = 0.1
#: Seconds for which stale keys still serve when no new ones can be had. A key outlives twelve
#: daily rotations, so day-old keys are better than no service.
STALE_FOR: Final = 86_400.0

#: Anybody can invent a kid, so a token bucket limits the fetches for unknown ones.
SEARCHES: Final = 3
SEARCH_EVERY: Final = 30.0
#: How long to pause after a fetch that fails.
BACKOFF: Final = Backoff(1.0, 30.0)

_MAX_AGE: Final = re.compile(r"(?:^|[\s,])max-age\s*=\s*\"?(\d{1,10})", re.IGNORECASE)

_Why = Literal["first", "due", "expired", "unknown_key", "asked"]


@frozen(eq=False, repr=False)
class _Snapshot:
    """Keys as they were fetched, and until when (on the running clock) they are good.

    Attributes:
        document: The JWK set that they come from.
        fetch: Which fetch brought them, counted from 1; 0 for keys that were there at the start.
        fetched_at: When they came.
        fresh_until: Until then they are used, and not fetched again.
        usable_until: Until then they are used while new ones cannot be had.
    """

    keys: KeySet
    document: bytes
    fetch: int
    fetched_at: float
    fresh_until: float
    usable_until: float


class SigningKeys:
    """The current keys, for any number of tasks, loops and threads.

    Args:
        fetch: Gets the key set from the service.
        clock: The time source.
        seed: A JWK set to begin with, until others are fetched; None for none.
        telemetry: Receives the events.
        file: Keeps the keys for other processes; None to keep them nowhere.

    Raises:
        ConfigurationError: The seed has no usable key.
    """

    def __init__(
        self,
        fetch: Callable[[], Coroutine[Any, Any, FetchedKeys]],
        clock: Clock,
        seed: Secret[str] | None = None,
        telemetry: Telemetry = UNHOOKED,
        file: KeySetFile | None = None,
    ) -> None:
        self._file = file
        self._fetch = fetch
        self._clock = clock
        self._telemetry = telemetry
        self._snapshot = None if seed is None else _planted(seed, clock.running())
        self._fetches = 0
        self._failures = 0
        self._pause_until = 0.0
        self._searches = Bucket(SEARCHES, SEARCH_EVERY)
        self._renewal = SingleFlight[_Snapshot]()

    def key_nowait(self, kid: str, alg: str) -> PublicKey | None:
        """The signing key with this id, if it is known without a fetch; None calls for `key`.

        Of several with this id, it is the one for the algorithm.
        """
        held = self._snapshot
        if held is None or self._clock.running() >= held.fresh_until:
            return None
        return held.keys.find(kid, alg)

    def has(self, key: PublicKey) -> bool:
        """Whether this is a signing key now, as far as is known without a fetch."""
        held = self._snapshot
        if held is None or id(key) not in held.keys.ids:
            return False
        return self._clock.running() < held.fresh_until

    async def key(self, kid: str, alg: str) -> PublicKey:
        """The signing key with this id. Of several with this id, it is the one for the algorithm.

        Raises:
            UnknownKey: The project has no such key, as far as is known now.
            KeySetUnavailable: The keys are not known and cannot be fetched.
        """
        now, fetches = self._clock.running(), self._fetches
        held = self._snapshot
        if held is None or now >= held.usable_until:
            renew = partial(self._renew, "first" if held is None else "expired")
            held = await self._renewal.join(renew, self._may_renew) or self._unavailable()
        elif now >= held.fresh_until:
            self._renewal.start(partial(self._renew, "due"), self._may_renew)
        # Only a fetch that began after the question can show that there is no such key.
        while held.keys.find(kid, alg) is None and held.fetch <= fetches:
            search = partial(self._renew, "unknown_key")
            found = await self._renewal.join(search, self._may_search)
            if found is None:
                if self._failures:
                    self._unavailable()
                break
            held = found
        return held.keys.known(kid, alg)

    def export(self) -> str | None:
        """The JWK set that is in use, to be a seed elsewhere; None before the first fetch."""
        held = self._snapshot
        return None if held is None else held.document.decode()

    async def refresh(self) -> None:
        """Fetch the keys now, to notice at once that one was revoked.

        Raises:
            KeySetUnavailable: They cannot be fetched; the old ones stay.
        """
        fetches = self._fetches
        while self._snapshot is None or self._snapshot.fetch <= fetches:
            await self._renewal.join(partial(self._renew, "asked"))

    async def aclose(self) -> None:
        """Stop a fetch that is under way."""
        await self._renewal.aclose()

    def _may_renew(self) -> bool:
        return self._clock.running() >= self._pause_until

    def _may_search(self) -> bool:
        return self._searches.take_or_wait(self._clock.running()) == 0

    def _unavailable(self) -> NoReturn:
        failure = KeySetUnavailable(
            "the project's signing keys could not be had just now; the next fetch is due shortly",
            operation="key_set",
        )
        failure.retry_after = max(0.0, self._pause_until - self._clock.running())
        raise failure

    async def _renew(self, why: _Why) -> _Snapshot:
        self._fetches += 1
        number, began = self._fetches, self._clock.running()
        await import_handle_maker()
        if why == "first" and (kept := await self._kept()) is not None:
            return kept
        try:
            fetched = await self._fetch()
            keys = parse_key_set(fetched.body)
        except (ClientClosed, ConfigurationError):
            raise
        except DescopeError as error:
            self._pause(error)
            self._tell(why, began, error)
            unavailable = KeySetUnavailable(
                f"the project's signing keys cannot be had, so the token may be fine: {error}",
                may_be_done=error.may_be_done if isinstance(error, RequestFailed) else True,
                operation="key_set",
                status_code=error.status_code,
                request_id=error.request_id,
                retry_after=self._pause_until - self._clock.running(),
            )
            unavailable.attempts = error.attempts
            # Its frames hold what was answered, which may be anything.
            raise unavailable from error.with_traceback(None)
        self._failures, self._pause_until = 0, 0.0
        self._tell(why, began, keys)
        now = self._clock.running()
        fresh_for = max(SHORTEST_FRESH, self._freshness(fetched.cache_control) - fetched.age)
        fresh_until = now + fresh_for
        held = _Snapshot(keys, fetched.body, number, now, fresh_until, fresh_until + STALE_FOR)
        if self._snapshot is None or self._snapshot.fetch < number:
            self._snapshot = held
            if self._file is not None:
                await self._file.write(fetched)
        return held

    async def _kept(self) -> _Snapshot | None:
        """The keys that this program or another one has fetched before, out of the file."""
        kept = None if self._file is None else await self._file.read(STALE_FOR)
        if kept is None:
            return None
        fetched_at = self._clock.running() - max(0.0, kept.age)
        fresh_until = fetched_at + self._freshness(kept.cache_control)
        keys, usable_until = parse_key_set(kept.body), fetched_at + STALE_FOR
        self._snapshot = _Snapshot(keys, kept.body, 0, fetched_at, fresh_until, usable_until)
        return self._snapshot

    def _freshness(self, cache_control: str) -> float:
        age = _MAX_AGE.search(cache_control)
        seconds = float(age[1]) if age else FRESH_FOR
        bounded = min(max(seconds, SHORTEST_FRESH), LONGEST_FRESH)
        return bounded * self._clock.draw(1 - SPREAD, 1 + SPREAD)

    def _pause(self, error: DescopeError) -> None:
        pause = BACKOFF.whole(self._failures)
        self._failures += 1
        self._pause_until = self._clock.running() + max(pause, error.retry_after or 0)

    def _tell(self, why: _Why, began: float, result: KeySet | DescopeError) -> None:
        now, held = self._clock.running(), self._snapshot
        left = 0.0 if held is None else held.usable_until - now
        failure = result if isinstance(result, DescopeError) else None
        self._telemetry.tell(
            KeySetFetched(
                outcome="done" if failure is None else "error",
                reason=why,
                duration=now - began,
                age=None if held is None else now - held.fetched_at,
                keys=None if isinstance(result, DescopeError) else len(result),
                usable_for=left if left > 0 else None,
                error_type=None if failure is None else type(failure).__name__,
                problem=None if failure is None else str(failure),
            )
        )


def _planted(seed: Secret[str], now: float) -> _Snapshot:
    """Keys that the caller gave. Their age is not known, so new ones are fetched at once."""
    document = Secret(seed.reveal().encode(errors="surrogatepass"))
    try:
        keys = parse_key_set(document.reveal())
    except UnexpectedResponse as error:
        problem = str(error)
    else:
        return _Snapshot(keys, document.reveal(), 0, now, now, now + STALE_FOR)
    raise ConfigurationError(f"key_set cannot be used: {problem}")
