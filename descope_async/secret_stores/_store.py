"""What a store is, and what it keeps."""

from __future__ import annotations

from typing import Protocol

from attrs import field, frozen

from descope_async._values.value import Value


@frozen(kw_only=True, eq=False, repr=False)
class SecretEntry(Value):
    """The secret of an access key, and what the key is called.

    Attributes:
        cleartext: The secret.
        key_id: The key's id.
        name: The key's name.
        label: What the run calls the key; the name where nothing else was given.
        fingerprint: 16 hexadecimal digits that tell one secret from another without showing it.
    """

    cleartext: str = field(repr=False)
    key_id: str
    name: str
    label: str
    fingerprint: str


class SecretStore(Protocol):
    """A store of secrets. Every method blocks, and is called on a worker thread.

    Several threads may call at the same time. A store that cannot do what it is asked raises
    `SecretStoreError`, or anything else: the error's text goes into reports, so it must not hold a
    secret.
    """

    def place(self, key_id: str, label: str) -> str:
        """Where the secret of a key is kept, as ``scheme:location``, to read it by later.

        Two keys with the same place overwrite each other. This does no I/O.
        """
        ...

    def check(self, keys: int) -> None:
        """Find out whether this many secrets can be kept: write, read and remove a probe.

        Raises:
            SecretStoreError: They cannot.
        """
        ...

    def is_free(self, place: str) -> bool:
        """Whether there is nothing at a place yet. True where that cannot be known."""
        ...

    def put(self, place: str, entry: SecretEntry, *, overwrite: bool, pending: bool) -> None:
        """Keep a secret, durably when this returns.

        Args:
            place: Where, as `place` says.
            entry: The secret.
            overwrite: Whether an older secret may be there. If not, and there is one, refuse.
            pending: Whether to keep it beside what is at the place, until `promote`.
        """
        ...

    def get(self, place: str, *, pending: bool = False) -> str | None:
        """The secret at a place; None where this store cannot be read.

        Raises:
            SecretStoreError: There is none.
        """
        ...

    def promote(self, place: str, key_id: str) -> None:
        """Let the pending secret of a key take its place. To do it again changes nothing."""
        ...
