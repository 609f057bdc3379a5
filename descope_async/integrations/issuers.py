"""The issuers of a project's tokens, by the well-known URLs that Descope shows for them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from attrs import frozen

from descope_async import ConfigurationError

__all__ = ["Issuers"]

_PART: Final = r"[A-Za-z0-9._~-]+"
#: A project, one of its tenants, or one of its MCP servers ("agentic").
_ISSUER: Final = re.compile(
    rf"(?P<host>https?://[^/?#@\s]+)/v1/apps/(?:agentic/(?P<agentic>{_PART})/{_PART}"
    rf"|(?!agentic/)(?P<project>{_PART})(?:/{_PART})?)"
)
_DOCUMENT: Final = re.compile(r"/\.well-known/(?:openid-configuration|oauth-authorization-server)")


@frozen
class Issuers:
    """Where tokens come from.

    Attributes:
        project_id: The project.
        base_url: Where its service is.
        values: What ``iss`` may be, in the order in which they were given.
    """

    project_id: str
    base_url: str
    values: tuple[str, ...]

    @classmethod
    def of(cls, well_known: str | Sequence[str]) -> Issuers:
        """The issuers at some well-known URLs of one project.

        Args:
            well_known: Such as
                ``"https://api.descope.com/v1/apps/agentic/P…/M…/.well-known/openid-configuration"``.
                The part from ``/.well-known`` on may be missing, or stand before the path.

        Raises:
            ConfigurationError: One is no such URL, or they are of several projects.
        """
        urls = [well_known] if isinstance(well_known, str) else list(well_known)
        found = [_ISSUER.fullmatch(_DOCUMENT.sub("", url, count=1).rstrip("/")) for url in urls]
        for url, match in zip(urls, found, strict=True):
            if match is None:
                raise ConfigurationError(
                    "well_known must be like https://api.descope.com/v1/apps/agentic/PROJECT/SERVER"
                    f"/.well-known/openid-configuration, not {url!r}"
                )
        known = [match for match in found if match is not None]
        projects = {(match["host"], match["agentic"] or match["project"]) for match in known}
        if len(projects) != 1:
            raise ConfigurationError("well_known must name one or more issuers of one project")
        ((base_url, project_id),) = projects
        return cls(project_id, base_url, tuple(match[0] for match in known))
