"""What a caller presents: a session token or an access key, in one of two schemes."""

from __future__ import annotations

from typing import Literal, TypeAlias

from attrs import field, frozen

from descope_async._values.value import Value

__all__ = ["Accepted", "Credential", "Scheme"]

#: The kinds of credentials.
Accepted: TypeAlias = Literal["session_token", "access_key"]
#: The schemes of the ``Authorization`` header.
Scheme: TypeAlias = Literal["Bearer", "DPoP"]


@frozen(eq=False, repr=False)
class Credential(Value):
    """What a caller presented.

    Attributes:
        kind: ``"session_token"`` to validate, or ``"access_key"`` to verify.
        scheme: The scheme of the ``Authorization`` header, in its usual spelling.
        value: The token or the key itself.
        proofs: The values of the ``DPoP`` headers; empty where proofs are not looked at.
    """

    kind: Accepted
    scheme: Scheme
    value: str = field(repr=False)
    proofs: tuple[str, ...] = field(default=(), repr=False)
