"""The issuers of a project's tokens, also by the well-known URLs that Descope shows for them."""

from __future__ import annotations

import re
from typing import Final

from attrs import frozen

from descope_async._arguments import labels
from descope_async.errors import ConfigurationError

_PART: Final = r"[A-Za-z0-9._~-]+"
#: A project, one of its tenants, or one of its MCP servers ("agentic").
_ISSUER: Final = re.compile(
    rf"(?P<base_url>https?://[^/?#@\s]+)(?:/v1/apps/agentic/(?P<agentic>{_PART})/{_PART}"
    rf"|/v1/apps/(?!agentic/)(?P<app>{_PART})(?:/{_PART})?"
    rf"|/(?!v1/)(?P<project>{_PART}))"
)
_DOCUMENT: Final = re.compile(r"/\.well-known/(?:openid-configuration|oauth-authorization-server)")


@frozen
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
    found = _ISSUER.fullmatch(_DOCUMENT.sub("", well_known, count=1).rstrip("/"))
    if found is None:
        return None
    project = found["agentic"] or found["app"] or found["project"]
    return Issuer(found["base_url"], project, found[0])


def issuers(value: object, project_id: str) -> tuple[str, ...]:
    """The ``issuers`` of a client: values of ``iss``, and well-known URLs for them.

    Args:
        value: What was given; None for none.
        project_id: The client's project; empty while there is none.

    Raises:
        InvalidArgument: It is no list of names.
        ConfigurationError: A well-known URL is none of Descope's, or another project's.
    """
    if value is None:
        return ()
    return tuple(
        _at(name, project_id) if "/.well-known/" in name else name
        for name in labels("issuers", value)
    )


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
