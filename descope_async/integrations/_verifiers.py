"""Verifiers of access keys, one for each age that routes demand."""

from __future__ import annotations

from typing import Final

from descope_async import AccessKeyVerifier, DescopeClient

__all__ = ["Verifiers"]

#: The longest time in seconds that a verifier may use an answer for.
_LONGEST: Final = 3600


class Verifiers:
    """The verifiers of an application.

    Args:
        audience: As for ``access_key_verifier``.
    """

    def __init__(self, audience: frozenset[str] | None) -> None:
        self._audience = audience
        self._made: dict[float | None, AccessKeyVerifier] = {}

    def of(self, client: DescopeClient, max_age: float | None) -> AccessKeyVerifier:
        """The client's verifier whose answers are at most so many seconds old; None for any age."""
        found = self._made.get(max_age)
        if found is None:
            if max_age is None:
                found = client.access_key_verifier(audience=self._audience)
            else:
                age = min(max_age, _LONGEST)
                found = client.access_key_verifier(
                    audience=self._audience, fresh_for=age, usable_for=age
                )
            self._made[max_age] = found
        return found

    def clear(self) -> None:
        """Forget the verifiers of a client that is closed."""
        self._made.clear()
