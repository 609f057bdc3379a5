"""The clients of a site, for blocking and for async code. Each is made when it is first needed."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Final, Generic, TypeVar

from django.core.signals import setting_changed

import descope_async
import descope_sync
from descope_async._runtime.forks import ProcessLock, catch_up_with_fork

from ._settings import client_arguments, site

__all__ = ["aclient", "client"]

T = TypeVar("T")
#: The longest that a verifier may answer from memory, in seconds.
_LONGEST_MEMORY: Final = 3600.0


def client() -> descope_sync.DescopeClient:
    """The site's blocking client, for views and management commands.

    It is made of the settings at the first call, and kept for the life of the process.

    Raises:
        ConfigurationError: A setting is missing or unusable.
    """
    return _CLIENT.get(None)


def aclient() -> descope_async.DescopeClient:
    """The site's client for async code. Its calls run on the caller's event loop, without another thread.

    Raises:
        ConfigurationError: A setting is missing or unusable.
    """
    return _ACLIENT.get(None)


def verifier(max_age: float | None = None) -> descope_sync.AccessKeyVerifier:
    """The verifier of access keys whose answers are at most so many seconds old."""
    return _VERIFIER.get(max_age)


def averifier(max_age: float | None = None) -> descope_async.AccessKeyVerifier:
    """As `verifier`, for async code."""
    return _AVERIFIER.get(max_age)


class _Kept(Generic[T]):
    """Makes a client or a verifier once for each age, and keeps it until the settings change."""

    def __init__(
        self, make: Callable[[float | None], T], close: Callable[[T], object] = repr
    ) -> None:
        self._make = make
        self._close = close
        self._lock = ProcessLock()
        self._made: dict[float | None, T] = {}
        setting_changed.connect(self._drop)

    def get(self, age: float | None) -> T:
        found = self._made.get(age)
        if found is None:
            catch_up_with_fork()
            with self._lock.held:
                found = self._made.get(age)
                if found is None:
                    found = self._made[age] = self._make(age)
        return found

    def _drop(self, *, setting: str, **_: object) -> None:
        # Django sends this signal in tests only, between requests.
        if setting == "DESCOPE":
            made, self._made = self._made, {}
            for each in made.values():
                self._close(each)


def _new_verifier(max_age: float | None) -> descope_sync.AccessKeyVerifier:
    audience = site().audience
    if max_age is None:
        return client().access_key_verifier(audience=audience)
    age = min(max_age, _LONGEST_MEMORY)
    return client().access_key_verifier(audience=audience, fresh_for=age, usable_for=age)


def _new_averifier(max_age: float | None) -> descope_async.AccessKeyVerifier:
    audience = site().audience
    if max_age is None:
        return aclient().access_key_verifier(audience=audience)
    age = min(max_age, _LONGEST_MEMORY)
    return aclient().access_key_verifier(audience=audience, fresh_for=age, usable_for=age)


def _aclose(closed: descope_async.DescopeClient) -> None:
    # In another thread, because this one may run an event loop already.
    thread = threading.Thread(target=lambda: asyncio.run(closed.aclose()))
    thread.start()
    thread.join()


_CLIENT: Final = _Kept(
    lambda _: descope_sync.DescopeClient(**client_arguments()), descope_sync.DescopeClient.close
)
_ACLIENT: Final = _Kept(lambda _: descope_async.DescopeClient(**client_arguments()), _aclose)
_VERIFIER: Final = _Kept(_new_verifier)
_AVERIFIER: Final = _Kept(_new_averifier)
