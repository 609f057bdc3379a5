"""The names of what requests ask for, as in the errors of the client."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from . import access_keys, roles, tenants, users
from .otp import METHODS

EXCHANGE: Final = ("POST", "/v1/auth/accesskey/exchange")
LICENSE: Final = ("GET", "/v1/mgmt/license")
GENERATE_CODE: Final = ("POST", "/v1/mgmt/tests/generate/otp")
VERIFY_CODE: Final = tuple(("POST", f"/v1/auth/otp/verify/{each}") for each in sorted(METHODS))
KEY_SETS: Final = "/v2/keys/"

KEY_SET: Final = "key_set"
UNKNOWN: Final = "unknown"

_GROUPS: Final = {
    "access_key": access_keys.ROUTES,
    "tenant": tenants.ROUTES,
    "role": roles.ROUTES,
    "user": users.ROUTES,
}
_NAMES: Final[Mapping[tuple[str, str], str]] = {
    **{
        route: f"{group}.{rule.__name__}"
        for group, routes in _GROUPS.items()
        for route, rule in routes.items()
    },
    EXCHANGE: "exchange",
    LICENSE: "license",
    GENERATE_CODE: "otp.generate",
    **dict.fromkeys(VERIFY_CODE, "otp.verify"),
}
NAMES: Final = frozenset({*_NAMES.values(), KEY_SET, UNKNOWN})


def name_of(method: str, path: str) -> str:
    """The operation that a request asks for."""
    if method == "GET" and path.startswith(KEY_SETS):
        return KEY_SET
    return _NAMES.get((method, path), UNKNOWN)
