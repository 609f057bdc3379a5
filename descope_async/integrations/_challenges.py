"""The challenges of a refusal: what ``WWW-Authenticate`` says (RFC 6750, 3; RFC 9449, 7.1)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, Literal, TypeAlias

from attrs import frozen

from ._credential import Scheme
from ._refusal import Refusal

__all__ = ["Challenges", "Proofs", "can_be_quoted", "scope"]

#: Whether tokens may, or must, be bound to a key (RFC 9449).
Proofs: TypeAlias = Literal["mixed", "required"]

_SCOPE: Final = re.compile(r"[!#-\[\]-~]+")  # RFC 6749, 3.3
_QUOTABLE: Final = re.compile(r"[ !#-\[\]-~]*")
#: The algorithms of the proofs that a client accepts.
_ALGORITHMS: Final = 'algs="ES256 ES384 ES512 EdDSA PS256 PS384 PS512 RS256 RS384 RS512"'


@frozen
class Challenges:
    """What a service says of itself in each challenge.

    Attributes:
        dpop: Which schemes are named: DPoP for ``"required"``, both for ``"mixed"``, Bearer for
            None.
        realm: The attribute ``realm``.
        resource_metadata: The URL of the resource's metadata (RFC 9728); None to name none.
    """

    dpop: Proofs | None
    realm: str
    resource_metadata: str | None

    def refuse(
        self,
        status: int,
        error: str | None,
        description: str,
        scheme: Scheme | None = None,
        *more: str,
    ) -> Refusal:
        """A refusal with a challenge.

        Args:
            status: The HTTP status: 400, 401 or 403.
            error: The code; None for a request without a credential.
            description: A sentence for the caller.
            scheme: The scheme that the caller used; None for none.
            more: More attributes of the challenge, such as `scope`.
        """
        said = [f'realm="{self.realm}"']
        if error is not None:
            said += [f'error="{error}"', f'error_description="{description}"', *more]
        if self.resource_metadata is not None:
            said.append(f'resource_metadata="{self.resource_metadata}"')
        return Refusal(status, error, description, self._header(", ".join(said), scheme))

    def _header(self, said: str, scheme: Scheme | None) -> str:
        if self.dpop is None:
            return f"Bearer {said}"
        if self.dpop == "required":
            return f"DPoP {said}, {_ALGORITHMS}"
        # The error stands in the challenge of the scheme that the caller used (RFC 9449, 7.1).
        if scheme == "DPoP":
            return f'DPoP {said}, {_ALGORITHMS}, Bearer realm="{self.realm}"'
        return f"Bearer {said}, DPoP {_ALGORITHMS}"


def can_be_quoted(value: object) -> bool:
    """Whether a value can stand between the quotes of an attribute."""
    return isinstance(value, str) and _QUOTABLE.fullmatch(value) is not None


def scope(permissions: Sequence[str]) -> list[str]:
    """The attribute ``scope``, if every permission can stand in it; else no attribute."""
    if not permissions or not all(_SCOPE.fullmatch(each) for each in permissions):
        return []
    return [f'scope="{" ".join(permissions)}"']
