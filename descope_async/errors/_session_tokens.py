"""Errors of session tokens that are refused, and of the proofs that came with them."""

from __future__ import annotations

from ._root import DescopeError


class ReplayStoreFull(DescopeError):
    """More DPoP proofs are used than can be remembered, so a replay could not be noticed.

    This says nothing about the token: answer 503, not 401. ``retry_after`` says when there is room.
    """


class TokenError(DescopeError):
    """A session token was refused. Nothing about it may be trusted."""


class TokenMalformed(TokenError):
    """The token is not a compact JWT of the shape and size that Descope issues."""


class TokenExpired(TokenError):
    """The token's time is over.

    Attributes:
        expired_at: The token's ``exp``, epoch seconds.
    """

    def __init__(
        self, message: str, *, expired_at: float = 0, operation: str | None = None
    ) -> None:
        super().__init__(message, operation=operation)
        self.expired_at = expired_at


class TokenNotYetValid(TokenError):
    """The token's time has not come, or it claims to come from the future.

    Attributes:
        valid_from: The token's ``nbf`` or ``iat``, epoch seconds.
    """

    def __init__(
        self, message: str, *, valid_from: float = 0, operation: str | None = None
    ) -> None:
        super().__init__(message, operation=operation)
        self.valid_from = valid_from


class SignatureInvalid(TokenError):
    """The signature does not fit: another signer, or the token was changed."""


class UnknownKey(TokenError):
    """No key of the project has the token's ``kid``. It may pass after the next key fetch."""


class IssuerMismatch(TokenError):
    """The token was issued for another project or by another host."""


class AudienceMismatch(TokenError):
    """The token was issued for another audience."""


class TokenTypeMismatch(TokenError):
    """A valid token of another kind, such as a refresh token."""


class ProofRequired(TokenError):
    """The token is bound to its holder's key (RFC 9449) and no proof was checked."""


class ProofInvalid(TokenError):
    """The DPoP proof does not show that this request was made by the token's holder (RFC 9449).

    Attributes:
        claim: The claim at fault, such as ``"htu"``, or ``"jwk"`` for another key than the token's;
            None when the proof as a whole is unusable.
    """

    def __init__(
        self, message: str, *, claim: str | None = None, operation: str | None = None
    ) -> None:
        super().__init__(message, operation=operation)
        self.claim = claim


class ProofReplayed(ProofInvalid):
    """The DPoP proof was used before: each is for one request."""
