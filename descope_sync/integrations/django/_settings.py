"""``DESCOPE`` in a site's settings, read when it is used."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from difflib import get_close_matches
from functools import lru_cache
from inspect import signature
from typing import Any, Final, cast

from django.conf import settings
from django.core.signals import setting_changed

from descope_async import ConfigurationError, DescopeClient
from descope_async._values.secret import Secret
from descope_async.integrations._expected import audience_of, origin_of
from descope_async.integrations._nonces import nonces_of
from descope_async.integrations.admission import Admission, Credential, Refusal

#: Entries of ``DESCOPE`` that become arguments of a client.
CLIENT: Final = {
    "PROJECT_ID": "project_id",
    "MANAGEMENT_KEY": "management_key",
    "AUTH_MANAGEMENT_KEY": "auth_management_key",
    "BASE_URL": "base_url",
    "PUBLIC_KEY": "public_key",
    "LEEWAY": "jwt_validation_leeway",
}
#: Entries that become fields of `Admission`.
_ADMISSION: Final = {
    "ACCEPT": "accept",
    "DPOP": "dpop",
    "ACCESS_KEY_HEADER": "access_key_header",
    "REALM": "realm",
}
#: The other entries. ``CLIENT`` is a dict of more arguments of a client. ``AUDIENCE`` is the argument of
#: ``validate_session``. ``DPOP_NONCE_SECRET`` makes the nonces that proofs must have. ``ORIGIN`` is the scheme and host in proofs. ``REFUSAL_VIEW`` is the dotted name of
#: the view that answers refused requests.
_OTHERS: Final = ("AUDIENCE", "CLIENT", "DPOP_NONCE_SECRET", "ORIGIN", "REFUSAL_VIEW")
#: The names of a client's arguments.
_ARGUMENTS: Final = frozenset(signature(DescopeClient).parameters)
#: How many values of ``Authorization`` are cached with the token in them, and their greatest length.
_KEPT_HEADERS: Final = 512
_LONGEST_KEPT: Final = 4096
NAMES: Final = frozenset({*CLIENT, *_ADMISSION, *_OTHERS})


def configured() -> Mapping[str, Any]:
    """``DESCOPE`` as it is now.

    Raises:
        ConfigurationError: It is no dict, or it has an unknown name.
    """
    found: object = getattr(settings, "DESCOPE", {})
    if not isinstance(found, Mapping):
        raise ConfigurationError("settings.DESCOPE must be a dict")
    given = cast("Mapping[str, Any]", found)
    more: object = given.get("CLIENT", {})
    if not isinstance(more, Mapping):
        raise ConfigurationError("settings.DESCOPE['CLIENT'] must be a dict")
    problem = _problem_of_names("settings.DESCOPE", given, NAMES) or _problem_of_names(
        "settings.DESCOPE['CLIENT']", cast("Mapping[str, Any]", more), _ARGUMENTS
    )
    if problem is not None:
        raise ConfigurationError(problem)
    return given


def _problem_of_names(what: str, found: Mapping[str, Any], allowed: Collection[str]) -> str | None:
    """A message about the first unknown name in a dict; None if there is none."""
    for name in found:
        if name not in allowed:
            spelt = {each.lower(): each for each in allowed}
            near = get_close_matches(str(name).lower(), spelt, n=1)
            hint = (
                f"did you mean {spelt[near[0]]!r}?"
                if near
                else f"there are {', '.join(sorted(allowed))}"
            )
            return f"{what} has {name!r}, which means nothing: {hint}"
    return None


def client_arguments() -> dict[str, Any]:
    """Arguments for a client. What is not among them comes from the environment."""
    found = configured()
    named = {argument: found[name] for name, argument in CLIENT.items() if name in found}
    return {**dict(found.get("CLIENT", {})), **named}


class Site:
    """What ``DESCOPE`` says about requests.

    Args:
        found: The settings.

    Attributes:
        admission: What is accepted.
        audience: The audience that tokens must be for; None for no demand.
        nonces: The nonces to demand in proofs; None to demand none.
        origin: The scheme and host in DPoP proofs; None for those that Django finds.
        refusal_view: The view that answers refused requests, or its dotted name; None for
            the answer of this package.

    Raises:
        ConfigurationError: A value is invalid.
    """

    def __init__(self, found: Mapping[str, Any]) -> None:
        self.admission = Admission(
            **{argument: found[name] for name, argument in _ADMISSION.items() if name in found}
        )
        self.audience = audience_of(found.get("AUDIENCE"))
        secret: Secret[str | None] = Secret(found.get("DPOP_NONCE_SECRET"))
        self.nonces = nonces_of(secret, self.admission.dpop)
        self.origin = origin_of(found.get("ORIGIN"))
        self.refusal_view: Any = found.get("REFUSAL_VIEW")
        header = self.admission.access_key_header
        self._key_header = None if header is None else f"HTTP_{header.upper().replace('-', '_')}"
        self._takes_tokens_only = (
            self.admission.accept == ("session_token",) and self.admission.dpop is None
        )
        # Callers send the same token again and again. Access keys are not cached.
        self._token_in = lru_cache(_KEPT_HEADERS)(self._in_authorization)

    def credential(self, headers: Mapping[str, Any]) -> Credential | Refusal:
        """The credential in a request's headers, by their names in ``request.META``."""
        given: object = headers.get("HTTP_AUTHORIZATION")
        if self._takes_tokens_only and isinstance(given, str) and len(given) <= _LONGEST_KEPT:
            return self._token_in(given)
        keys = () if self._key_header is None else _values(headers.get(self._key_header))
        proofs = () if self.admission.dpop is None else _values(headers.get("HTTP_DPOP"))
        return self.admission.read_values(_values(given), keys, proofs)

    def _in_authorization(self, given: str) -> Credential | Refusal:
        return self.admission.read_values(_values(given))


def _values(header: object) -> tuple[bytes, ...]:
    # Servers decode headers as Latin-1. No valid credential has other characters.
    return (header.encode("latin-1", "replace"),) if isinstance(header, str) else ()


def site() -> Site:
    """What the settings say about requests. They are read at the first call.

    Raises:
        ConfigurationError: A value is invalid.
    """
    found = _kept.get("site")
    if found is None:
        found = _kept["site"] = Site(configured())
    return found


#: What `site` has read from the present settings. Django's ``override_settings`` empties it.
_kept: Final[dict[str, Site]] = {}


def _forget(*, setting: str, **_: object) -> None:
    if setting == "DESCOPE":
        _kept.clear()


setting_changed.connect(_forget, dispatch_uid="descope.site")
