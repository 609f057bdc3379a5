"""The signing keys that a client was told to trust, in place of those that the service publishes."""

from __future__ import annotations

from typing import Self

from descope_async._values.secret import Secret

from .key_set import KeySet, parse_pinned_keys
from .signatures import PublicKey


class PinnedKeys:
    """Signing keys that never change, with the methods of `SigningKeys` that a validator calls."""

    def __init__(self, keys: KeySet) -> None:
        self._keys = keys

    @classmethod
    def parse(cls, given: Secret[str], name: str = "public_key") -> Self:
        """The keys of a JWK or a JWK set.

        Args:
            given: The text.
            name: The parameter or variable that it stands in, for errors.

        Raises:
            ConfigurationError: The text is neither, or a key in it is unusable.
        """
        return cls(parse_pinned_keys(given, name))

    def key_nowait(self, kid: str, alg: str) -> PublicKey:
        """The signing key with this id. Of several with this id, it is the one for the algorithm.

        Raises:
            UnknownKey: It is none of these.
        """
        return self._keys.known(kid, alg)

    async def key(self, kid: str, alg: str) -> PublicKey:
        """As `key_nowait`."""
        return self.key_nowait(kid, alg)

    def has(self, key: PublicKey) -> bool:
        """Whether this is one of the keys."""
        return id(key) in self._keys.ids
