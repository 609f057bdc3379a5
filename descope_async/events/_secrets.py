"""Events of secrets that may be lost."""

from __future__ import annotations

from typing import Literal

from attrs import frozen

from ._event import Event


@frozen(kw_only=True, eq=False, repr=False)
class TwinKeysFound(Event):
    """One create has made several access keys. Nobody has the others' secrets: delete them.

    Attributes:
        kept: The id of the one that the caller gets.
        twins: The ids of the others, with commas between them.
    """

    kept: str
    twins: str

    def __str__(self) -> str:
        return f"one create has made several access keys: keep {self.kept}, delete {self.twins}"


@frozen(kw_only=True, eq=False, repr=False)
class SecretUnclaimed(Event):
    """Nobody has the secret of an access key, unless ``deliver`` stored it.

    It is told when the value or the error that had the secret is collected, or when the loop or the
    process ends. On which thread depends on that.

    Attributes:
        operation: What made the secret, such as ``"access_key.create"``.
        key_id: The access key; None when it is not known.
        name: Its name; None when it is not known.
        reason: ``"unread"``: nobody read the ``cleartext`` of what was returned or raised.
            ``"pending"``: the event loop or the process ended before the answer came.
    """

    operation: str
    key_id: str | None
    name: str | None
    reason: Literal["unread", "pending"]

    def __str__(self) -> str:
        key = " ".join(each for each in (self.key_id, self.name and repr(self.name)) if each)
        if self.reason == "pending":
            return (
                f"{self.operation}: the event loop ended before the answer came: nobody knows "
                f"whether there is a new secret for the key {key}"
            )
        return (
            f"{self.operation}: nobody has read the new secret of the key {key}: it is lost, so "
            "rotate the key or delete it"
        )
