"""Constants and values that code for the official SDK imports from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any, Final

from attrs import field, frozen

from descope_async.models import AccessKeyLoginOptions, AssociatedTenant

__all__ = [
    "COOKIE_DATA_NAME",
    "DEFAULT_TIMEOUT_SECONDS",
    "REFRESH_SESSION_COOKIE_NAME",
    "REFRESH_SESSION_TOKEN_NAME",
    "SESSION_COOKIE_NAME",
    "SESSION_TOKEN_NAME",
    "AccessKeyLoginOptions",
    "AssociatedTenant",
    "AttributeMapping",
    "DeliveryMethod",
    "RoleMapping",
]

SESSION_COOKIE_NAME: Final = "DS"
REFRESH_SESSION_COOKIE_NAME: Final = "DSR"

SESSION_TOKEN_NAME: Final = "sessionToken"  # noqa: S105 - a name, no token
REFRESH_SESSION_TOKEN_NAME: Final = "refreshSessionToken"  # noqa: S105 - a name, no token
COOKIE_DATA_NAME: Final = "cookieData"

DEFAULT_TIMEOUT_SECONDS: Final = 60


class DeliveryMethod(Enum):
    """How a one-time code reaches a user. No call of this package takes it."""

    WHATSAPP = 1
    SMS = 2
    EMAIL = 3
    EMBEDDED = 4
    VOICE = 5


@frozen
class RoleMapping:
    """Which role the groups of an identity provider have. No call of this package takes it."""

    groups: Sequence[str]
    role_name: str


@frozen
class AttributeMapping:
    """Where an identity provider has a user's details. No call of this package takes it."""

    name: str | None = None
    email: str | None = None
    phone_number: str | None = None
    group: str | None = None
    given_name: str | None = None
    middle_name: str | None = None
    family_name: str | None = None
    picture: str | None = None
    custom_attributes: Mapping[str, Any] | None = field(default=None, hash=False)
