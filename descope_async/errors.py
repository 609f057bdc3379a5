"""Everything this package raises.

In a tree, to catch at the depth that suits::

    DescopeError
    ├── InvalidArgument             refused before any I/O (also a ValueError)
    │   └── ConfigurationError      a setting of the client, or one that a call needs and misses
    ├── ClientClosed                used after aclose() or close()
    ├── RequestFailed               no usable answer came
    │   ├── ConnectionFailed        DNS, refused, reset, cut off
    │   │   └── TLSFailed           the server's certificate or handshake was refused
    │   ├── DeadlineExceeded        too slow (also a TimeoutError)
    │   └── KeySetUnavailable       the project's signing keys could not be had; the token may be fine
    ├── OutcomeUnknown              create or rotate may have been done or not; says what to do
    ├── DeliveryFailed              `deliver` did not take a new secret, which is in here
    ├── UnexpectedResponse          an answer that is not the documented one; says where
    ├── ApiError                    the service refused: status, code, description
    │   ├── BadRequest              400
    │   ├── Unauthorized            401
    │   ├── Forbidden               403
    │   ├── NotFound                404
    │   ├── Conflict                409
    │   ├── RateLimited             429; retry_after
    │   └── ServerError             5xx
    ├── ReplayStoreFull             no more DPoP proofs can be remembered, so none can be accepted
    └── TokenError                  a session token was refused
        ├── TokenMalformed          not a JWT this package reads
        ├── TokenExpired            expired_at
        ├── TokenNotYetValid        valid_from
        ├── SignatureInvalid        signed by somebody else, or changed on the way
        ├── UnknownKey              signed by a key that the key set does not have; may pass later
        ├── IssuerMismatch          minted for another project or host
        ├── AudienceMismatch        minted for another receiver
        ├── TokenTypeMismatch       not a session token (a refresh token, say)
        ├── ProofRequired           bound to a key (DPoP) whose proof was not checked
        └── ProofInvalid            the proof is not for this token and request; says what is wrong
            └── ProofReplayed       the proof was used before

Every error can be pickled. None carries a header, a request body or a token; the one secret that
any may carry is the ``cleartext`` of `OutcomeUnknown`, `DeliveryFailed` and `UnexpectedResponse`,
which would be lost otherwise.
"""

from __future__ import annotations

from typing import Any, Final

from ._runtime.unclaimed import take

_HELP: Final = "https://descope-async.readthedocs.io/en/latest/reference/errors.html"


class DescopeError(Exception):
    """Base of all errors of this package.

    The attributes are None where the failure has none: a refused argument has no status.

    Attributes:
        operation: What was being done, such as ``"access_key.create"``.
        status_code: HTTP status of the answer.
        error_code: The service's code, such as ``"E011003"``.
        error_description: The service's sentence for that code.
        error_message: The service's detail on this occurrence.
        request_id: The service's id of the request, to quote to support.
        retry_after: Seconds to wait before asking again, as the service said or as it documents.
        attempts: How often the call was tried, repeats included.
    """

    attempts: int | None = None

    def __init__(
        self,
        message: str,
        *,
        operation: str | None = None,
        status_code: int | None = None,
        error_code: str | None = None,
        error_description: str | None = None,
        error_message: str | None = None,
        request_id: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.operation = operation
        self.status_code = status_code
        self.error_code = error_code
        self.error_description = error_description
        self.error_message = error_message
        self.request_id = request_id
        self.retry_after = retry_after

    @property
    def help_url(self) -> str:
        """The address of what the documentation says about this error, and what to do."""
        documented = next(
            cls for cls in type(self).__mro__ if cls.__module__.startswith("descope_")
        )
        return f"{_HELP}#{documented.__name__.lower()}"


class InvalidArgument(DescopeError, ValueError):
    """An argument was refused before anything was sent. The message says what to pass."""


class ConfigurationError(InvalidArgument):
    """A setting of the client is missing or unusable. The message names the setting."""


class ClientClosed(DescopeError):
    """The client was used after it was closed."""


class RequestFailed(DescopeError):
    """No usable answer came.

    Attributes:
        sent: False when the request surely never left, in no attempt; True when it may have been
            carried out.
    """

    def __init__(
        self,
        message: str,
        *,
        sent: bool = False,
        operation: str | None = None,
        status_code: int | None = None,
        request_id: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(
            message,
            operation=operation,
            status_code=status_code,
            request_id=request_id,
            retry_after=retry_after,
        )
        self.sent = sent


class ConnectionFailed(RequestFailed):
    """The service could not be reached, or the connection broke."""


class TLSFailed(ConnectionFailed):
    """The server's certificate, or the TLS handshake with it, was refused."""


class DeadlineExceeded(RequestFailed, TimeoutError):
    """The answer did not come in time."""


class KeySetUnavailable(RequestFailed):
    """The project's signing keys could not be fetched, so no token can be judged.

    This says nothing about the token: answer 503, not 401.
    """


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
        interrupted: Whether the call was cancelled. Then store ``result``, without awaiting
            anything that is not shielded, and let the task end.
        result: The `CreatedAccessKey`, when the answer arrived after all. Its secret is shown this
            once: store it.
    """

    key_id: str | None = None
    name: str | None = None
    marker: str | None = None
    started_at: float = 0.0
    interrupted: bool = False
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
    """A successful answer that is not the documented one.

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


class ApiError(DescopeError):
    """The service answered with an error status.

    Attributes:
        uncertain: Whether the call may have been carried out all the same, in this attempt or an
            earlier one that went without an answer.
        answer_text: The body of the answer as it came, where it is the service's error; None where
            it is not. Keys are left out of it, and what is beyond 2000 characters.
    """

    uncertain: bool = False
    answer_text: str | None = None


class BadRequest(ApiError):
    """Status 400: the service found the request wrong."""


class Unauthorized(ApiError):
    """Status 401: the project id, management key or access key is not accepted."""


class Forbidden(ApiError):
    """Status 403: the key is known but may not do this."""


class NotFound(ApiError):
    """Status 404: no such access key."""


class Conflict(ApiError):
    """Status 409: the state of the access key does not allow this."""


class RateLimited(ApiError):
    """Status 429: too many requests. ``retry_after`` says how long to wait, when known."""


class ServerError(ApiError):
    """Status 5xx: the service, or something in front of it, failed."""


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


def salvaged_in(error: BaseException | None) -> str | None:
    """The secret that was saved from a damaged answer, without that counting as reading it."""
    # Not by `cleartext`, which is the reading that counts.
    secret: str | None = (
        vars(error).get("_salvaged") if isinstance(error, UnexpectedResponse) else None
    )
    return secret


def holds_secret(error: BaseException | None) -> bool:
    """Whether an error has the secret of a new key."""
    return isinstance(error, DeliveryFailed) or salvaged_in(error) is not None
