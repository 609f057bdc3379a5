"""The project that a client is for, and where that is served."""

from __future__ import annotations

import re
from typing import Final

from descope_async.errors import ConfigurationError
from descope_async.secret_stores import _stored_text as stored_text

from .base_url import BaseURL, read_base_url

_DEFAULT_HOST: Final = "api.descope.com"
#: Project ids of this length and more name their region in the characters after the first.
_REGIONAL_LENGTH: Final = 32
_PROJECT_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,128}")


def project_id(value: object) -> str:
    """The id of a project; empty when none is given.

    Raises:
        ConfigurationError: It cannot be the id of a project.
    """
    if value is None or value == "":
        return ""
    if not isinstance(value, str):
        raise ConfigurationError(f"project_id must be a string, not {type(value).__name__}")
    stripped = stored_text.cleaned(value)
    if problem := stored_text.placeholder(stripped):
        raise ConfigurationError(
            f"project_id {problem}; it stands on the project page of the console"
        )
    if not _PROJECT_ID.fullmatch(stripped):
        raise ConfigurationError(
            "project_id must consist of letters and digits; it starts with P and stands on the "
            "project page of the console"
        )
    return stripped


def base_url_for(project_id: str, value: object) -> BaseURL:
    """Where a project is served: at the URL that was given, else where Descope serves it.

    Raises:
        ConfigurationError: The URL is unusable.
    """
    if value is None:
        return read_base_url(default_base_url(project_id))
    if not isinstance(value, str):
        raise ConfigurationError(f"base_url must be a string, not {type(value).__name__}")
    found = read_base_url(value)
    if found.scheme == "http" and not found.is_loopback:
        raise ConfigurationError(
            "base_url must use https: plain http would show the keys to the network. It is allowed "
            "to this machine only: reach a local Descope in a container by http://localhost and the "
            "port that it publishes, or let it speak TLS, and trust its certificate by ssl"
        )
    return found


def default_base_url(project_id: str) -> str:
    """Where Descope serves a project: its region is part of a long id."""
    if len(project_id) < _REGIONAL_LENGTH:
        return f"https://{_DEFAULT_HOST}"
    return f"https://api.{project_id[1:5]}.descope.com"
