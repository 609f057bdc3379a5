"""Descope access keys: manage them, exchange them, and trust what comes out.

`DescopeClient` is the way in. `descope_sync` has the same names for blocking code.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from ._runtime.bundles import refuse_zip
from ._runtime.late_imports import import_all, late_attribute
from .errors import (
    ApiError,
    AudienceMismatch,
    BadRequest,
    ClientClosed,
    ConfigurationError,
    Conflict,
    ConnectionFailed,
    DeadlineExceeded,
    DeliveryFailed,
    DescopeError,
    Forbidden,
    InvalidArgument,
    IssuerMismatch,
    KeySetUnavailable,
    NotConfigured,
    NotFound,
    OutcomeUnknown,
    ProofInvalid,
    ProofReplayed,
    ProofRequired,
    ProxyRefused,
    RateLimited,
    ReplayStoreFull,
    RequestFailed,
    ServerError,
    SignatureInvalid,
    TLSFailed,
    TokenError,
    TokenExpired,
    TokenMalformed,
    TokenNotYetValid,
    TokenTypeMismatch,
    Unauthorized,
    UnexpectedResponse,
    UnknownKey,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from ._tokens.proof_key import ProofKey
    from .access_keys import AccessKeys
    from .client import DescopeClient, Management
    from .dpop_request import DPoPRequest
    from .models import (
        AccessKey,
        AccessKeyLoginOptions,
        AssociatedTenant,
        CreatedAccessKey,
        DeliveredSecret,
        SortField,
    )
    from .secret_stores._reference import SecretReference, write_secret
    from .session_token import SessionToken, TenantAccess
    from .settings import EnvironmentVariable, Limits, ReplayStore, Retries, Timeouts
    from .token_source import TokenSource
    from .verification import UnverifiedKey, Verification, VerifiedKey
    from .verifier import AccessKeyVerifier

#: A literal, because bundles for functions and frozen programs often lack the package's metadata.
__version__ = "0.1.0"

refuse_zip(__spec__)

# Values need attrs, and the rest also aiohttp, cattrs and jose, whose import takes longer than many a
# script runs: each is imported when it is first asked for.
_LAZY: Final = {
    "AccessKey": "models",
    "AccessKeyLoginOptions": "models",
    "AccessKeyVerifier": "verifier",
    "AccessKeys": "access_keys",
    "AssociatedTenant": "models",
    "CreatedAccessKey": "models",
    "DPoPRequest": "dpop_request",
    "DeliveredSecret": "models",
    "DescopeClient": "client",
    "EnvironmentVariable": "settings",
    "Limits": "settings",
    "Management": "client",
    "ProofKey": "_tokens.proof_key",
    "ReplayStore": "settings",
    "Retries": "settings",
    "SecretReference": "secret_stores._reference",
    "SessionToken": "session_token",
    "SortField": "models",
    "TenantAccess": "session_token",
    "Timeouts": "settings",
    "TokenSource": "token_source",
    "UnverifiedKey": "verification",
    "Verification": "verification",
    "VerifiedKey": "verification",
    "write_secret": "secret_stores._reference",
}

__all__ = [
    "AccessKey",
    "AccessKeyLoginOptions",
    "AccessKeyVerifier",
    "AccessKeys",
    "ApiError",
    "AssociatedTenant",
    "AudienceMismatch",
    "BadRequest",
    "ClientClosed",
    "ConfigurationError",
    "Conflict",
    "ConnectionFailed",
    "CreatedAccessKey",
    "DPoPRequest",
    "DeadlineExceeded",
    "DeliveredSecret",
    "DeliveryFailed",
    "DescopeClient",
    "DescopeError",
    "EnvironmentVariable",
    "Forbidden",
    "InvalidArgument",
    "IssuerMismatch",
    "KeySetUnavailable",
    "Limits",
    "Management",
    "NotConfigured",
    "NotFound",
    "OutcomeUnknown",
    "ProofInvalid",
    "ProofKey",
    "ProofReplayed",
    "ProofRequired",
    "ProxyRefused",
    "RateLimited",
    "ReplayStore",
    "ReplayStoreFull",
    "RequestFailed",
    "Retries",
    "SecretReference",
    "ServerError",
    "SessionToken",
    "SignatureInvalid",
    "SortField",
    "TLSFailed",
    "TenantAccess",
    "Timeouts",
    "TokenError",
    "TokenExpired",
    "TokenMalformed",
    "TokenNotYetValid",
    "TokenSource",
    "TokenTypeMismatch",
    "Unauthorized",
    "UnexpectedResponse",
    "UnknownKey",
    "UnverifiedKey",
    "Verification",
    "VerifiedKey",
    "preload",
    "write_secret",
]


def preload() -> None:
    """Import now what would be imported when it is first needed, and read the system's authorities.

    For a server that loads an application before it forks, such as ``gunicorn --preload``: the
    workers then share what is imported, and their first calls import nothing. And for a program
    that makes clients on an event loop: the constructor of one with a ``public_key`` imports
    python-jose, which would hold the loop up for some 60 ms.

    ``async with`` does this too, and so do the integrations when they start, under Django the
    ``DescopeMiddleware``.
    """
    for name in _LAZY:
        __getattr__(name)
    import_all()
    load: Callable[[], None] = late_attribute(
        "._config.certificate_authorities", "load_authorities", __name__
    )
    with suppress(ConfigurationError):  # a client says what cannot be used
        load()


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = late_attribute(f".{_LAZY[name]}", name, __name__)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
