"""What the official SDK has and this package has not: everything but access keys."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NoReturn

from .exceptions import UnsupportedFeature

_OFFICIAL: Final = "keep a client of the official SDK (pip install descope) for it, beside this one"
_USERS: Final = f"is about signing users in: {_OFFICIAL}"
_REFRESH: Final = (
    "needs a refresh token, which access keys do not come with: use validate_session, and "
    f"exchange_access_key again. For users' sessions, {_OFFICIAL}"
)
_LAST_RESPONSE: Final = (
    "would keep a whole answer, secrets included: an error's request_id is what support asks for"
)
_SIGN_IN: Final[tuple[str, ...]] = (
    "enchantedlink",
    "magiclink",
    "oauth",
    "otp",
    "password",
    "saml",
    "sso",
    "totp",
    "webauthn",
)
_SESSIONS: Final[tuple[str, ...]] = (
    "history",
    "logout",
    "logout_all",
    "me",
    "my_tenants",
    "refresh_session",
    "select_tenant",
    "validate_and_refresh_session",
)
_MANAGEMENT: Final[tuple[str, ...]] = (
    "analytics",
    "audit",
    "authz",
    "descoper",
    "engine",
    "family",
    "fga",
    "flow",
    "group",
    "jwt",
    "license",
    "list",
    "management_key",
    "outbound_application",
    "outbound_application_by_token",
    "outbound_scim",
    "password",
    "permission",
    "project",
    "role",
    "scope_claim_mapping",
    "sso",
    "sso_application",
    "tenant",
    "third_party_application",
    "user",
)
#: By who is asked: what it has not, and what to use instead.
_PARTS: Final[Mapping[str, Mapping[str, str]]] = {
    "client": {
        **dict.fromkeys(_SIGN_IN, _USERS),
        **dict.fromkeys(_SESSIONS, _REFRESH),
        "get_last_response": _LAST_RESPONSE,
    },
    "client.mgmt": dict.fromkeys(_MANAGEMENT, f"is not about access keys: {_OFFICIAL}"),
}


def unsupported(owner: str, name: str) -> NoReturn:
    """Refuse an attribute that a client, or its ``mgmt``, does not have.

    Raises:
        UnsupportedFeature: The official SDK has it.
        AttributeError: Nobody has it.
    """
    if name in _PARTS[owner]:
        raise UnsupportedFeature(f"{owner}.{name} {_PARTS[owner][name]}")
    raise AttributeError(f"{owner} has no attribute {name!r}")


#: The official package's further names, such as parameters of calls that are not here.
_NAMES: Final = frozenset(
    {
        "AssociatedFamily",
        "CustomAttribute",
        "CustomAttributeOption",
        "DescopeResponse",
        "DescoperAttributes",
        "DescoperCreate",
        "DescoperProjectRole",
        "DescoperRBAC",
        "DescoperRole",
        "DescoperTagRole",
        "FGAGroupMapping",
        "FGAGroupMappingRelation",
        "FlowRunOptions",
        "LoginOptions",
        "MgmtKeyProjectRole",
        "MgmtKeyReBac",
        "MgmtKeyStatus",
        "MgmtKeyTagRole",
        "OIDCAttributeMapping",
        "SAMLIDPAttributeMappingInfo",
        "SAMLIDPGroupsMappingInfo",
        "SAMLIDPRoleGroupMappingInfo",
        "SSOOIDCSettings",
        "SSOSAMLSettings",
        "SSOSAMLSettingsByMetadata",
        "SignUpOptions",
        "UserObj",
        "UserPassword",
        "UserPasswordBcrypt",
        "UserPasswordDjango",
        "UserPasswordFirebase",
        "UserPasswordPbkdf2",
        "XAAIssuerSettings",
        "XAAJWTBearerSettings",
        "XAASettings",
    }
)


def unsupported_name(module: str, name: str) -> NoReturn:
    """Refuse an import from a module that stands in for the official package.

    Raises:
        ImportError: The official package has it, for calls that are not here, or it is elsewhere.
        AttributeError: Nobody has it.
    """
    if name == "DescopeClient":
        raise ImportError("DescopeClient is blocking: import it from descope_sync.compat")
    if name in _NAMES:
        raise ImportError(f"{name} is not about access keys: import it from descope", name=module)
    raise AttributeError(f"module {module!r} has no attribute {name!r}")
