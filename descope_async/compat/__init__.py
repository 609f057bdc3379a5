"""The official SDK's names, parameters and results, so that code moves by its import line.

For access keys and what comes of them; everything else the official SDK keeps.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._unsupported import unsupported_name
from .common import (
    COOKIE_DATA_NAME,
    REFRESH_SESSION_COOKIE_NAME,
    REFRESH_SESSION_TOKEN_NAME,
    SESSION_COOKIE_NAME,
    SESSION_TOKEN_NAME,
    AccessKeyLoginOptions,
    AssociatedTenant,
    AttributeMapping,
    DeliveryMethod,
    RoleMapping,
)
from .descope_client_async import DescopeClientAsync
from .exceptions import (
    API_RATE_LIMIT_RETRY_AFTER_HEADER,
    ERROR_TYPE_API_RATE_LIMIT,
    ERROR_TYPE_SERVER_ERROR,
    AuthException,
    RateLimitException,
    UnsupportedFeature,
)

__all__ = [
    "API_RATE_LIMIT_RETRY_AFTER_HEADER",
    "COOKIE_DATA_NAME",
    "ERROR_TYPE_API_RATE_LIMIT",
    "ERROR_TYPE_SERVER_ERROR",
    "REFRESH_SESSION_COOKIE_NAME",
    "REFRESH_SESSION_TOKEN_NAME",
    "SESSION_COOKIE_NAME",
    "SESSION_TOKEN_NAME",
    "AccessKeyLoginOptions",
    "AssociatedTenant",
    "AttributeMapping",
    "AuthException",
    "DeliveryMethod",
    "DescopeClientAsync",
    "RateLimitException",
    "RoleMapping",
    "UnsupportedFeature",
]


if not TYPE_CHECKING:  # a type checker shall find what is not here

    def __getattr__(name: str) -> object:
        unsupported_name(__name__, name)
