"""``DESCOPE`` in a site's settings, read when it is used."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, Final, cast

from attrs import frozen
from django.conf import settings
from django.core.signals import setting_changed

from descope_async import ConfigurationError
from descope_async.integrations.admission import Admission

#: Entries of ``DESCOPE`` that become arguments of a client.
CLIENT: Final = {
    "PROJECT_ID": "project_id",
    "MANAGEMENT_KEY": "management_key",
    "AUTH_MANAGEMENT_KEY": "auth_management_key",
    "BASE_URL": "base_url",
    "PUBLIC_KEY": "public_key",
    "LEEWAY": "jwt_validation_leeway",
}
#: Entries that say what is accepted.
_ADMISSION: Final = {
    "ACCEPT": "accept",
    "DPOP": "dpop",
    "ACCESS_KEY_HEADER": "access_key_header",
    "REALM": "realm",
}
#: ``CLIENT`` holds more arguments of a client; ``AUDIENCE`` is that of ``validate_session``; ``ORIGIN`` is
#: the scheme and host in proofs; ``REFUSAL_VIEW`` is the dotted name of what answers refused requests.
_OTHERS: Final = ("AUDIENCE", "CLIENT", "ORIGIN", "REFUSAL_VIEW")
NAMES: Final = frozenset({*CLIENT, *_ADMISSION, *_OTHERS})


def configured() -> Mapping[str, Any]:
    """``DESCOPE`` as it is now.

    Raises:
        ConfigurationError: It is no dict, or it has a name that means nothing.
    """
    found: object = getattr(settings, "DESCOPE", {})
    if not isinstance(found, Mapping):
        raise ConfigurationError("settings.DESCOPE must be a dict")
    given = cast("Mapping[str, Any]", found)
    if problem := _problem_of_names(given):
        raise ConfigurationError(problem)
    return given


def _problem_of_names(found: Mapping[str, Any]) -> str | None:
    """What is wrong with the names in ``DESCOPE``; None for nothing."""
    for name in found:
        if name not in NAMES:
            near = get_close_matches(str(name).upper(), NAMES, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(sorted(NAMES))}"
            return f"settings.DESCOPE has {name!r}, which means nothing: {hint}"
    return None


def client_arguments() -> dict[str, Any]:
    """Arguments for a client. What is not among them comes from the environment."""
    found = configured()
    named = {argument: found[name] for name, argument in CLIENT.items() if name in found}
    return {**dict(found.get("CLIENT", {})), **named}


@frozen
class Site:
    """What ``DESCOPE`` says about requests.

    Attributes:
        admission: What is accepted.
        audience: The audience that tokens must be for; None for no demand.
        origin: The scheme and host in DPoP proofs; None for those that Django finds.
        refusal_view: What answers refused requests, or its dotted name; None for ourselves.
        key_header: The name of the header for access keys in ``request.META``; None for none.
    """

    admission: Admission
    audience: Any
    origin: str | None
    refusal_view: Any
    key_header: str | None


def site() -> Site:
    """What the settings say about requests, read when it is first asked for.

    Raises:
        ConfigurationError: A value cannot be right.
    """
    return _kept.get("site") or _read()


def _read() -> Site:
    found = configured()
    admission = Admission(
        **{argument: found[name] for name, argument in _ADMISSION.items() if name in found}
    )
    header = admission.access_key_header
    read = _kept["site"] = Site(
        admission,
        found.get("AUDIENCE"),
        found.get("ORIGIN"),
        found.get("REFUSAL_VIEW"),
        None if header is None else f"HTTP_{header.upper().replace('-', '_')}",
    )
    return read


#: Made of the settings as they are. ``override_settings`` empties it.
_kept: Final[dict[str, Site]] = {}


def _forget(*, setting: str, **_: object) -> None:
    if setting == "DESCOPE":
        _kept.clear()


setting_changed.connect(_forget, dispatch_uid="descope.site")
