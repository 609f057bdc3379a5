"""JWK sets (RFC 7517): the public halves of the keys that sign a project's tokens."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, cast

from attrs import frozen

from descope_async._values.secret import Secret
from descope_async._values.strict_json import read_object
from descope_async.errors import ConfigurationError, InvalidArgument, UnexpectedResponse, UnknownKey

from .signatures import PublicKey, load_key

#: Bytes of a set: 64 keys of RSA-4096, each with a certificate, have 200,000.
MAX_KEY_SET: Final = 256 * 1024
MAX_KEYS: Final = 64


@frozen(eq=False, repr=False)
class FetchedKeys:
    """The service's answer to a fetch of the key set.

    Attributes:
        body: The JWK set.
        cache_control: The header of that name; empty without one.
        age: Seconds since the service gave the answer, which a cache or a file has kept.
    """

    body: bytes
    cache_control: str = ""
    age: float = 0.0


class KeySet:
    """Public keys by their ids.

    Several keys may share an id when they are for different algorithms. Of those that share both,
    the first counts.

    Attributes:
        ids: The `id` of each key that can be found. It is asked for each token, and to compare keys
            takes longer.
    """

    ids: frozenset[int]

    def __init__(self, keys: Iterable[PublicKey]) -> None:
        self._keys: dict[tuple[str | None, str], PublicKey] = {}
        self._first: dict[str | None, PublicKey] = {}
        for key in keys:
            self._keys.setdefault((key.kid, key.alg), key)
            self._first.setdefault(key.kid, key)
        self.ids = frozenset(map(id, self._keys.values()))

    def __len__(self) -> int:
        return len(self._keys)

    def find(self, kid: str, alg: str) -> PublicKey | None:
        """The key with this id; the one for this algorithm, where there is one.

        A key for another algorithm is returned too: what is signed with it will be refused, and
        no newer set needs to be fetched for that.
        """
        return self._keys.get((kid, alg)) or self._first.get(kid)

    def known(self, kid: str, alg: str) -> PublicKey:
        """As `find`, for a token that names the key.

        Raises:
            UnknownKey: There is none.
        """
        found = self.find(kid, alg)
        if found is None:
            raise UnknownKey(
                "the token is signed by a key that the project does not have now: exchange the "
                "access key again, with this project's id"
            )
        return found


def parse_key_set(document: bytes) -> KeySet:
    """The usable keys of a JWK set (RFC 7517, 5).

    A key that is broken, weak, without an id or meant for something else is passed over.

    Raises:
        UnexpectedResponse: It is no JWK set, or none of its keys is usable.
    """
    listed = _listed(document)
    if listed is None:
        raise UnexpectedResponse("the key set is not a JSON object with a list of keys")
    usable: list[PublicKey] = []
    for jwk in listed[:MAX_KEYS]:
        try:
            key = load_key(jwk)
        except InvalidArgument:
            continue
        if key.kid is not None:
            usable.append(key)
    if not usable:
        raise UnexpectedResponse("the key set has no usable key")
    return KeySet(usable)


def parse_pinned_keys(given: Secret[str], name: str = "public_key") -> KeySet:
    """The signing keys that a client was told to trust: a JWK or a JWK set.

    Args:
        given: The text, which may be a private key by mistake.
        name: The parameter or variable that it stands in, for errors.

    Raises:
        ConfigurationError: The text is neither, or a key in it is unusable.
    """
    found = _pinned(given.reveal())
    if isinstance(found, str):
        raise ConfigurationError(f"{name}{found}")
    return found


def _pinned(text: str) -> KeySet | str:
    """The keys, or what is wrong with them, which is raised where no frame holds the text."""
    # Surrogates make it invalid UTF-8, which is refused like everything else that is no JSON.
    document = text.encode(errors="surrogatepass")
    single = read_object(document)
    listed = (single,) if single is not None and "keys" not in single else _listed(document)
    if not listed:
        return " is not a JWK or a JWK set"
    try:
        keys = [load_key(jwk) for jwk in listed]
    except InvalidArgument as error:
        return f": {error}"
    pinned = KeySet(keys)
    if len(pinned) != len(keys) or any(key.kid is None for key in keys):
        return ": each key must have a kid of its own, to be named by"
    return pinned


def _listed(document: bytes) -> tuple[object, ...] | None:
    members: Mapping[str, object] | None = read_object(document)
    listed = members.get("keys") if members is not None else None
    return cast("tuple[object, ...]", listed) if isinstance(listed, tuple) else None
