"""Tokens whose signature was checked before, so that it need not be checked on every request."""

from __future__ import annotations

from hashlib import sha256
from typing import Final

from attrs import frozen

from .jws import VerifyingKey
from .models import SessionToken

_GENERATION: Final = 1024


@frozen
class VerifiedToken:
    """What a token stands for, and the very key that proved it.

    The proof is good for as long as that key is among the project's keys.
    """

    session: SessionToken
    key: VerifyingKey


class VerifiedTokens:
    """The verified tokens of late, by their hash.

    Two generations of them: a full one becomes the old one, and what is asked for moves to the
    young one. Only single dict operations, which threads may do at once.
    """

    def __init__(self) -> None:
        self._young: dict[bytes, VerifiedToken] = {}
        self._old: dict[bytes, VerifiedToken] = {}

    def find(self, digest: bytes) -> VerifiedToken | None:
        """The token of this hash, if it is remembered."""
        found = self._young.get(digest)
        if found is None:
            found = self._old.get(digest)
            if found is not None:
                self.remember(digest, found)
        return found

    def remember(self, digest: bytes, verified: VerifiedToken) -> None:
        """Keep a token for a while."""
        if len(self._young) >= _GENERATION:
            self._old, self._young = self._young, {}
        self._young[digest] = verified


def digest_of(token: str) -> bytes:
    """The hash that a token is remembered by. The token itself is not kept as a key."""
    return sha256(token.encode(errors="surrogatepass")).digest()
