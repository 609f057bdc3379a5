"""The project that a client is for, and where that is served."""

from __future__ import annotations

import re
from ssl import SSLContext
from typing import Final

from attrs import frozen

from descope_async._values.secret import Secret
from descope_async.errors import ConfigurationError

from .base_url import BaseURL, read_base_url
from .environment import Given, JSONText
from .tls import is_checking

_DEFAULT_HOST: Final = "api.descope.com"
#: Project ids of this length and more name their region in the characters after the first.
_REGIONAL_LENGTH: Final = 32
_LONGEST: Final = 128
_PART: Final = re.compile(r"[A-Za-z0-9_-]")
#: Descope's keys begin so, and are longer than its project ids.
_KEY: Final = re.compile(r"K[A-Za-z0-9]{32,}")


@frozen(kw_only=True, eq=False, repr=False)
class Project:
    """The project that a client is for, and how it is reached.

    Attributes:
        id: Its id; empty while there is none.
        base_url: Where it is served.
        public_key: The JWK or JWK set to check its tokens with; None for what the service publishes.
        issuers: Further issuers of its tokens.
        ssl: TLS settings; None for the system's.
    """

    id: str
    base_url: BaseURL
    public_key: JSONText | None
    issuers: tuple[str, ...]
    ssl: SSLContext | None

    @property
    def is_local(self) -> bool:
        """Whether nothing but this machine may be connected to, since TLS does not say who answers."""
        return self.base_url.scheme == "http" or not is_checking(self.ssl)


def project_id(given: Given | None) -> str:
    """The id of a project; empty when none is given.

    Raises:
        ConfigurationError: It cannot be the id of a project.
    """
    if given is None:
        return ""
    found = given.text()
    if problem := _problem(found.reveal()):
        raise ConfigurationError(
            f"{given.name} {problem}; a project id consists of letters and digits, starts with P, and "
            "stands on the project page of the console"
        )
    return found.reveal()


def _problem(project: str) -> str | None:
    """What shows that a text is no project id; None for nothing. The text may be a secret, so it is not quoted."""
    if _KEY.fullmatch(project):
        return "looks like a key"
    if len(project) > _LONGEST:
        return f"has {len(project)} characters"
    wrong = next((each for each in project if not _PART.fullmatch(each)), None)
    if wrong is None:
        return None
    if wrong.isspace():
        return "holds a space or a line end"
    is_readable = wrong.isascii() and wrong.isprintable()
    return f"holds {wrong!r}" if is_readable else f"holds U+{ord(wrong):04X}"


def base_url_for(project_id: str, given: Given | None) -> BaseURL:
    """Where a project is served: at the URL that was given, else where Descope serves it.

    Raises:
        ConfigurationError: The URL is unusable.
    """
    if given is None:
        return read_base_url(Secret(default_base_url(project_id)))
    found = read_base_url(given.text(), given.name)
    if found.scheme == "http" and not found.is_loopback:
        raise ConfigurationError(
            f"{given.name} must use https: plain http would show the keys to the network. It is allowed "
            "to this machine only: reach a local Descope in a container by http://localhost and the "
            "port that it publishes, or let it speak TLS, and trust its certificate by ssl"
        )
    return found


def default_base_url(project_id: str) -> str:
    """Where Descope serves a project: its region is part of a long id."""
    if len(project_id) < _REGIONAL_LENGTH:
        return f"https://{_DEFAULT_HOST}"
    return f"https://api.{project_id[1:5]}.descope.com"
