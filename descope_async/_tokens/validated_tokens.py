"""Tokens whose signature was checked before, so that it need not be checked on every request."""

from __future__ import annotations

from typing import Final, TypeAlias

from attrs import frozen

from descope_async.session_token import SessionToken

from .signatures import VerifyingKey

_GENERATION: Final = 1024
#: Characters: 258 bits, as many as a hash of all of it would have.
_TAIL: Final = 43

Name: TypeAlias = tuple[str, frozenset[str] | None]


@frozen
class VerifiedToken:
    """What a token stands for, and the very key that proved it.

    The proof is good for as long as that key is among the project's keys.

    Attributes:
        session: What it stands for.
        key: The key.
        valid_from: From when on it is valid, epoch seconds.
        is_bound: Whether it is bound to its holder.
    """

    session: SessionToken
    key: VerifyingKey
    valid_from: float
    is_bound: bool


class VerifiedTokens:
    """The verified tokens of late, by their name.

    Two generations of them: a full one becomes the old one, and what is asked for moves to the
    young one. Only single dict operations, which threads may do at once.
    """

    def __init__(self) -> None:
        self._young: dict[Name, VerifiedToken] = {}
        self._old: dict[Name, VerifiedToken] = {}

    def find(self, name: Name) -> VerifiedToken | None:
        """The token of this name, if it is remembered."""
        found = self._young.get(name)
        if found is None:
            found = self._old.get(name)
            if found is not None:
                self.remember(name, found)
        return found

    def remember(self, name: Name, verified: VerifiedToken) -> None:
        """Keep a token for a while."""
        if len(self._young) >= _GENERATION:
            self._old, self._young = self._young, {}
        self._young[name] = verified


def name_of(token: str, audience: frozenset[str] | None) -> Name:
    """What a token is remembered by: the end of its signature, and for whom it was accepted.

    Only its signer can make another token with that end, but anybody can change what stands before it.
    """
    return token[-_TAIL:], audience
