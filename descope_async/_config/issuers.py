"""The issuers of a project's tokens, also by the well-known URLs that Descope shows for them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from attrs import frozen

from descope_async.errors import ConfigurationError

from .hosts import netloc, place

_PART: Final = r"[A-Za-z0-9._~-]+"
#: A project, one of its tenants, or one of its MCP servers ("agentic").
_ISSUER: Final = re.compile(
    rf"(?P<base_url>https?://[^/?#@\s]+)(?:/v1/apps/agentic/(?P<agentic>{_PART})/{_PART}"
    rf"|/v1/apps/(?!agentic/)(?P<app>{_PART})(?:/{_PART})?"
    rf"|/(?!v1/)(?P<project>{_PART}))"
)
_URL: Final = re.compile(r"(https?)://([^/?#@\s]+)(|/[^?#\s]*)", re.IGNORECASE)
_DOCUMENT: Final = re.compile(r"/\.well-known/(?:openid-configuration|oauth-authorization-server)")


@frozen(eq=False, repr=False)
class Issuer:
    """One issuer.

    Attributes:
        base_url: Where its project is served.
        project_id: The project.
        value: What ``iss`` is in its tokens.
    """

    base_url: str
    project_id: str
    value: str


def issuer_at(well_known: str) -> Issuer | None:
    """The issuer whose metadata is at a well-known URL; None if it is no such URL of Descope.

    The part from ``/.well-known`` on may be missing, or stand before the path (RFC 8414 section 3.1).
    """
    found = _ISSUER.fullmatch(_url(_DOCUMENT.sub("", well_known, count=1)) or "")
    if found is None:
        return None
    project = found["agentic"] or found["app"] or found["project"]
    return Issuer(found["base_url"], project, found[0])


def issuers(given: Iterable[str], project_id: str) -> tuple[str, ...]:
    """The ``issuers`` of a client: values of ``iss``, of which URLs come in each spelling that counts.

    The host may be in capitals, the default port written, and a slash at the end.

    Args:
        given: Values of ``iss``, and well-known URLs for them.
        project_id: The client's project; empty while there is none.

    Raises:
        ConfigurationError: A well-known URL is none of Descope's, or another project's.
    """
    found: dict[str, None] = {}
    for name in given:
        issuer = _at(name, project_id) if "/.well-known/" in name else name
        url = _url(issuer)
        found |= dict.fromkeys((issuer,) if url is None else (issuer, url, f"{url}/"))
    return tuple(found)


def _url(text: str) -> str | None:
    """A URL as services write it: host in lower case, no default port, no slash at the end; None for no URL."""
    parts = _URL.fullmatch(text)
    where = None if parts is None else place(parts[1].lower(), parts[2])
    if parts is None or where is None:
        return None
    scheme = parts[1].lower()
    return f"{scheme}://{netloc(scheme, *where)}{parts[3].rstrip('/')}"


def _at(well_known: str, project_id: str) -> str:
    issuer = issuer_at(well_known)
    if issuer is None:
        raise ConfigurationError(
            f"issuers has {well_known}, which is no well-known URL of a project: they are like "
            "https://api.descope.com/v1/apps/agentic/PROJECT/SERVER/.well-known/openid-configuration"
        )
    if project_id and issuer.project_id != project_id:
        raise ConfigurationError(
            f"issuers has {well_known}, which belongs to the project {issuer.project_id}, and the "
            f"client is for {project_id}"
        )
    return issuer.value
