"""TokenShape: what session tokens of access keys look like, as a project's JWT template chooses it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, Literal, get_args

from attrs import asdict, field, fields, frozen

from . import _arguments as arguments
from ._fields import Fields
from .errors import EmulatorError

__all__ = ["TokenShape"]

AuthSchema = Literal["default", "tenantOnly", "none"]

#: 1 second to 4 weeks. The service allows 3 minutes and more.
LIFETIMES: Final = range(1, 4 * 7 * 24 * 3600 + 1)
_THUMBPRINT: Final = re.compile(r"[A-Za-z0-9_-]{43}\Z")
#: Claims that a template cannot set: they say who issued the token, when and to whom.
_ISSUED: Final = frozenset({"iss", "iat", "exp", "nbf", "drn", "dsub", "jti", "cnf", "nsec"})


@frozen(kw_only=True)
class TokenShape:
    """What the session tokens of access keys look like.

    A project chooses most of this with an access-key JWT template; see
    https://docs.descope.com/customize/jwttemplates. The defaults are those of a project without
    one.

    Args:
        auth_schema: Where roles and permissions stand. ``"default"``: those on the project at the
            top, those of tenants in ``tenants``. ``"tenantOnly"``: those of the current tenant at
            the top, without ``tenants``. ``"none"``: nowhere.
        auto_tenant: Whether the only tenant of a key becomes the current one (``dct``).
        override_subject: Whether the id of the key stands in ``dsub``, and ``sub`` is what
            `claims`, or else the key's custom claim ``sub``, says.
        add_jti: Whether each token has a ``jti`` of its own.
        exclude_permissions: Whether ``permissions`` are left out.
        claims: Claims to add to each token.
        encrypted: Whether the signed token is encrypted (JWE, RFC 7516), for a recipient that is
            neither the client nor the test. No client can read it.
        lifetime: Seconds that a token lives, 1 second to 4 weeks; None for the project's lifetime.
        thumbprint: The JWK SHA-256 thumbprint (RFC 7638) of the key that tokens are bound to
            (DPoP, RFC 9449 section 6.1); None for tokens that are not bound.

    Raises:
        EmulatorError: A value cannot be used; the message says which and why.
    """

    auth_schema: AuthSchema = "default"
    auto_tenant: bool = False
    override_subject: bool = False
    add_jti: bool = False
    exclude_permissions: bool = False
    claims: Mapping[str, Any] = field(factory=dict[str, Any])
    encrypted: bool = False
    lifetime: int | None = None
    thumbprint: str | None = None

    def __attrs_post_init__(self) -> None:
        if self.auth_schema not in get_args(AuthSchema):
            known = ", ".join(get_args(AuthSchema))
            raise EmulatorError(f"auth_schema must be one of {known}, not {self.auth_schema!r}")
        for name in ("auto_tenant", "override_subject", "add_jti", "exclude_permissions"):
            arguments.flag(name, getattr(self, name))
        arguments.flag("encrypted", self.encrypted)
        if self.lifetime is not None:
            arguments.integer("lifetime", self.lifetime, LIFETIMES, "1 second to 4 weeks")
        thumbprint: object = self.thumbprint
        if thumbprint is not None and not (
            isinstance(thumbprint, str) and _THUMBPRINT.match(thumbprint)
        ):
            raise EmulatorError(
                "thumbprint must be a JWK SHA-256 thumbprint: 43 letters, digits, - and _"
            )
        self._check_claims()

    def _check_claims(self) -> None:
        if not isinstance(self.claims, Mapping):
            raise EmulatorError("claims must be a mapping of claims to JSON values")
        arguments.json_values("claims", self.claims)
        for name in self.claims:
            if name in _ISSUED or (name == "sub" and not self.override_subject):
                raise EmulatorError(f"claims cannot set {name}: the emulator does")
        if not is_subject(self.claims.get("sub", "unset")):
            raise EmulatorError("claims must have a non-empty string for sub")

    def to_json(self) -> dict[str, Any]:
        """What is not a default, by its name in JSON."""
        return {
            in_json(each.name): getattr(self, each.name)
            for each in fields(TokenShape)
            if getattr(self, each.name) != (_DEFAULTS[each.name])
        }


def shape_from_json(values: Fields) -> TokenShape:
    """The shape that a JSON object describes: the arguments of `TokenShape`, in camelCase.

    Raises:
        Refusal: A field is of a wrong type.
        EmulatorError: A value cannot be used.
    """
    readers: dict[str, Callable[[str], object]] = {
        "auth_schema": values.text,
        "auto_tenant": values.flag,
        "override_subject": values.flag,
        "add_jti": values.flag,
        "exclude_permissions": values.flag,
        "claims": values.mapping,
        "encrypted": values.flag,
        "lifetime": values.integer,
        "thumbprint": values.text,
    }
    given: dict[str, Any] = {
        name: read(in_json(name)) for name, read in readers.items() if values.has(in_json(name))
    }
    return TokenShape(**given)


def is_subject(value: object) -> bool:
    """Whether this can be the subject of a token: a string (RFC 7519 section 4.1.2), not empty."""
    return isinstance(value, str) and bool(value)


def in_json(attribute: str) -> str:
    """The name of an attribute in JSON."""
    first, *others = attribute.split("_")
    return first + "".join(each.capitalize() for each in others)


DEFAULT: Final = TokenShape()
_DEFAULTS: Final = asdict(DEFAULT)
JSON_FIELDS: Final = frozenset(in_json(each.name) for each in fields(TokenShape))
