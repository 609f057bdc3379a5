"""Errors of `create` and `rotate`. Some of them hold the new secret."""

from __future__ import annotations

from typing import Any

from descope_async._runtime.unclaimed import take

from ._root import DescopeError


class OutcomeUnknown(DescopeError):
    """A create or a rotate was sent, and it is not known whether it was done. It was not repeated.

    The message says what to do; see also ``on_unknown`` of the two. It is raised too in place of a
    cancellation that came after the request was sent: a secret that arrived all the same is in
    ``result`` then. The failure behind it, if any, is its ``__cause__``.

    Attributes:
        key_id: The access key in question; None when it is not known, as after a create.
        name: The name of the access key that was to be created.
        marker: What the description of the key that was to be created ends in; None without one.
        started_at: When the request was sent at the earliest, epoch seconds.
        is_interrupted: Whether the call was cancelled. Then store ``result``, without awaiting
            anything that is not shielded, and let the task end.
        result: The `CreatedAccessKey`, when the answer arrived after all. Its secret is shown this
            once: store it.
    """

    key_id: str | None = None
    name: str | None = None
    marker: str | None = None
    started_at: float = 0.0
    is_interrupted: bool = False
    result: Any = None

    @property
    def cleartext(self) -> str | None:
        """The secret in ``result``; None without one."""
        return None if self.result is None else self.result.cleartext


class DeliveryFailed(DescopeError):
    """A new secret arrived, but ``deliver`` raised an error or took too long.

    The error that ``deliver`` raised is the ``__cause__``, without its frames, unless it shows the
    secret.

    Attributes:
        result: The `CreatedAccessKey`; None when the answer was damaged, and only its secret could
            be read.
        key_id: The access key's id; None when it is not known.
        name: The access key's name; None when it is not known.
    """

    result: Any = None
    key_id: str | None = None
    name: str | None = None
    _salvaged: str = ""

    @property
    def cleartext(self) -> str:
        """The secret. It is shown this once: store it."""
        take(self)
        return self._salvaged if self.result is None else str(self.result.cleartext)

    @cleartext.setter
    def cleartext(self, secret: str) -> None:
        self._salvaged = secret

    def __reduce__(self) -> str | tuple[Any, ...]:
        take(self)
        return super().__reduce__()


class UnexpectedResponse(DescopeError):
    """A successful answer that is not the documented one, or an error that has a new secret.

    Attributes:
        path: Where in the answer, such as ``"$.keys[3].expireTime"``; None when the answer as a
            whole is unusable.
    """

    _salvaged: str | None = None

    def __init__(
        self,
        message: str,
        *,
        path: str | None = None,
        operation: str | None = None,
        status_code: int | None = None,
        request_id: str | None = None,
    ) -> None:
        super().__init__(
            message, operation=operation, status_code=status_code, request_id=request_id
        )
        self.path = path

    @property
    def cleartext(self) -> str | None:
        """The secret of the access key, when the answer to create or rotate still held it.

        It is shown this once: store it.
        """
        take(self)
        return self._salvaged

    @cleartext.setter
    def cleartext(self, secret: str | None) -> None:
        self._salvaged = secret

    def __reduce__(self) -> str | tuple[Any, ...]:
        take(self)
        return super().__reduce__()


def salvaged_in(error: BaseException | None) -> str | None:
    """The secret that was saved from a damaged answer, without that counting as reading it."""
    # Not by `cleartext`: reading that counts as taking the secret.
    secret: str | None = (
        vars(error).get("_salvaged") if isinstance(error, UnexpectedResponse) else None
    )
    return secret


def holds_secret(error: BaseException | None) -> bool:
    """Whether an error has the secret of a new key."""
    return isinstance(error, DeliveryFailed) or salvaged_in(error) is not None
