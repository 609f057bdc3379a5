"""Everything this package raises.

In a tree, to catch at the depth that suits::

    DescopeError
    ├── InvalidArgument             refused before any I/O (also a ValueError)
    │   └── ConfigurationError      a setting of the client, or one that a call needs and misses
    │       └── NotConfigured       a property that has no value yet (also an AttributeError)
    ├── ClientClosed                used after aclose() or close()
    ├── RequestFailed               no usable answer came
    │   ├── ConnectionFailed        DNS, refused, reset, cut off
    │   │   ├── TLSFailed           the server's certificate or handshake was refused
    │   │   └── ProxyRefused        the proxy wants other credentials, or does not allow the host
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

from ._new_secrets import (
    DeliveryFailed,
    OutcomeUnknown,
    UnexpectedResponse,
)
from ._requests import (
    ConnectionFailed,
    DeadlineExceeded,
    KeySetUnavailable,
    ProxyRefused,
    RequestFailed,
    TLSFailed,
)
from ._root import (
    ClientClosed,
    ConfigurationError,
    DescopeError,
    InvalidArgument,
    NotConfigured,
)
from ._session_tokens import (
    AudienceMismatch,
    IssuerMismatch,
    ProofInvalid,
    ProofReplayed,
    ProofRequired,
    ReplayStoreFull,
    SignatureInvalid,
    TokenError,
    TokenExpired,
    TokenMalformed,
    TokenNotYetValid,
    TokenTypeMismatch,
    UnknownKey,
)
from ._statuses import (
    ApiError,
    BadRequest,
    Conflict,
    Forbidden,
    NotFound,
    RateLimited,
    ServerError,
    Unauthorized,
)

__all__ = [
    "ApiError",
    "AudienceMismatch",
    "BadRequest",
    "ClientClosed",
    "ConfigurationError",
    "Conflict",
    "ConnectionFailed",
    "DeadlineExceeded",
    "DeliveryFailed",
    "DescopeError",
    "Forbidden",
    "InvalidArgument",
    "IssuerMismatch",
    "KeySetUnavailable",
    "NotConfigured",
    "NotFound",
    "OutcomeUnknown",
    "ProofInvalid",
    "ProofReplayed",
    "ProofRequired",
    "ProxyRefused",
    "RateLimited",
    "ReplayStoreFull",
    "RequestFailed",
    "ServerError",
    "SignatureInvalid",
    "TLSFailed",
    "TokenError",
    "TokenExpired",
    "TokenMalformed",
    "TokenNotYetValid",
    "TokenTypeMismatch",
    "Unauthorized",
    "UnexpectedResponse",
    "UnknownKey",
]

# Tracebacks name the place that users import from.
for _name in __all__:
    globals()[_name].__module__ = __name__
