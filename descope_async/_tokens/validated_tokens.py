"""A cache of validated tokens, so that a signature need not be checked on every request."""

from __future__ import annotations

from typing import Final, TypeAlias

from attrs import define

from descope_async.session_token import SessionToken

from .signatures import PublicKey

#: The most tokens in one of the two generations.
GENERATION: Final = 1024
#: Characters of a signature: 258 bits, as many as a hash of the whole token would have.
_TAIL: Final = 43

#: What a token is remembered by: the end of its signature, and the audience that accepted it.
_Name: TypeAlias = tuple[str | bytes, frozenset[str] | None]


@define(eq=False, repr=False)  # not frozen, which would take 0.3 µs of each new token
class ValidatedToken:
    """A token that was found valid, and the key that its signature was checked with.

    The result may be used as long as that key is among the project's signing keys.

    Attributes:
        text: The token as it was given.
        session: The session token.
        key: The signing key.
        valid_from: From when on the token is valid, with the leeway, in epoch seconds.
        valid_until: From when on it is not valid any more, with the leeway, in epoch seconds.
        is_bound: Whether the token is bound to its holder's key.
    """

    text: str | bytes
    session: SessionToken
    key: PublicKey
    valid_from: float
    valid_until: float
    is_bound: bool


class ValidatedTokens:
    """The tokens that were validated last, all given as str or all as bytes.

    A token has one hash as str and as bytes, and ``python -bb`` raises where the two are compared.

    They are kept in two generations. A full young generation becomes the old one, and the old one
    is dropped. A token that is found in the old one moves to the young one. Only single operations
    on dicts are used, which several threads may do at once.
    """

    def __init__(self) -> None:
        self._young: dict[_Name, ValidatedToken] = {}
        self._old: dict[_Name, ValidatedToken] = {}

    def find(self, text: str | bytes, audience: frozenset[str] | None) -> ValidatedToken | None:
        """This token, if it is remembered as accepted for this audience."""
        # Only the signer can make another token with the same end. But anybody can change what
        # stands before the end, so the whole token is compared.
        name = text[-_TAIL:], audience
        found = self._young.get(name)
        if found is None:
            found = self._old.get(name)
            if found is not None:
                self._keep(name, found)
        return found if found is not None and found.text == text else None

    def remember(self, audience: frozenset[str] | None, validated: ValidatedToken) -> None:
        """Keep a token for a while, as accepted for this audience."""
        self._keep((validated.text[-_TAIL:], audience), validated)

    def _keep(self, name: _Name, validated: ValidatedToken) -> None:
        if len(self._young) >= GENERATION:
            self._old, self._young = self._young, {}
        self._young[name] = validated
