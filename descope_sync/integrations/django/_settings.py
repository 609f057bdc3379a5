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
#: The other entries: the argument of ``validate_session``; a dict of more arguments of a client; what makes
#: the nonces that proofs must have; scheme and host in proofs; and the view that answers refused requests,
#: or its dotted name.
_OTHERS: Final = ("AUDIENCE", "CLIENT", "DPOP_NONCE_SECRET", "ORIGIN", "REFUSAL_VIEW")
#: The names of a client's arguments.
_ARGUMENTS: Final = frozenset(signature(DescopeClient).parameters)
#: How many values of ``Authorization`` are cached with the token in them, and their greatest length.
_KEPT_HEADERS: Final = 512
_LONGEST_KEPT: Final = 4096
NAMES: Final = frozenset({*CLIENT, *_ADMISSION, *_OTHERS})
#: The entries that `Site` reads, by the names that messages about them begin with.
_ENTRIES: Final = {
    **{argument: name for name, argument in _ADMISSION.items()},
    "audience": "AUDIENCE",
    "dpop_nonce_secret": "DPOP_NONCE_SECRET",
    "origin": "ORIGIN",
}


def configured() -> Mapping[str, Any]:
    """``DESCOPE`` as it is now. It holds secrets: do not keep it in a variable of a function that may raise.

    Raises:
        ConfigurationError: It is no dict, or it has an unknown name.
    """
    problem = _problem_of(getattr(settings, "DESCOPE", {}))
    if problem is not None:
        raise ConfigurationError(problem)
    return cast("Mapping[str, Any]", getattr(settings, "DESCOPE", {}))


def _problem_of(found: object) -> str | None:
    """What is wrong with the form of ``DESCOPE``; None for nothing."""
    if not isinstance(found, Mapping):
        return "settings.DESCOPE must be a dict"
    given = cast("Mapping[str, Any]", found)
    more: object = given.get("CLIENT", {})
    if not isinstance(more, Mapping):
        return "settings.DESCOPE['CLIENT'] must be a dict"
    return _problem_of_names("settings.DESCOPE", given, NAMES) or _problem_of_names(
        "settings.DESCOPE['CLIENT']", cast("Mapping[str, Any]", more), _ARGUMENTS
    )


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
    found = configured()  # nothing below can raise
    return {**found.get("CLIENT", {}), **_named(found, CLIENT)}


def _named(found: Mapping[str, Any], arguments: Mapping[str, str]) -> dict[str, Any]:
    """The values of the entries that are there, by the names of the arguments that they become."""
    return {argument: found[name] for name, argument in arguments.items() if name in found}


class Site:
    """What ``DESCOPE`` says about requests.

    Args:
        found: ``DESCOPE``, whose secrets no traceback shall show.

    Attributes:
        admission: What is accepted.
        audience: The audience that tokens must be for; None for no demand.
        credential_headers: The headers that say who is calling, ``Authorization`` first.
        nonces: The nonces to demand in proofs.
        origin: The scheme and host in DPoP proofs; None for those that Django finds.
        refusal_view: The view that answers refused requests, or its dotted name; None for
            the answer of this package.

    Raises:
        ConfigurationError: A value is invalid. The message begins with the name of an argument.
    """

    def __init__(self, found: Secret[Mapping[str, Any]]) -> None:
        self.admission = Admission(**_named(found.reveal(), _ADMISSION))
        self.audience = audience_of(found.reveal().get("AUDIENCE"))
        secret: Secret[str | None] = Secret(found.reveal().get("DPOP_NONCE_SECRET"))
        self.nonces = nonces_of(secret, self.admission.dpop)
        self.origin = origin_of(found.reveal().get("ORIGIN"))
        self.refusal_view: Any = found.reveal().get("REFUSAL_VIEW")
        header = self.admission.access_key_header
        self._key_header = None if header is None else f"HTTP_{header.upper().replace('-', '_')}"
        names = ("Authorization", header, None if self.admission.dpop is None else "DPoP")
        self.credential_headers = tuple([name for name in names if name is not None])
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
        found = _kept["site"] = _read(Secret(configured()))
    return found


def _read(found: Secret[Mapping[str, Any]]) -> Site:
    try:
        return Site(found)
    except ConfigurationError as error:
        raise ConfigurationError(_as_in_settings(str(error))) from None


def _as_in_settings(problem: str) -> str:
    """A message that begins with the name of an argument, with that of the entry instead."""
    argument, _, more = problem.partition(" ")
    name = _ENTRIES.get(argument)
    return problem if name is None else f"settings.DESCOPE[{name!r}] {more}"


#: What `site` has read from the present settings. Django's ``override_settings`` empties it.
_kept: Final[dict[str, Site]] = {}


def _forget(*, setting: str, **_: object) -> None:
    if setting == "DESCOPE":
        _kept.clear()


setting_changed.connect(_forget, dispatch_uid="descope.site")
