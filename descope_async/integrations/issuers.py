"""The issuers of a project's tokens, by the well-known URLs that Descope shows for them."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import frozen

from descope_async import ConfigurationError
from descope_async._config.issuers import Issuer, issuer_at
from descope_async._values.value import Value

__all__ = ["Issuers"]


@frozen(eq=False, repr=False)
class Issuers(Value):
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
        found: list[Issuer] = []
        for url in urls:
            issuer = issuer_at(url)
            if issuer is None:
                raise ConfigurationError(
                    "well_known must be like https://api.descope.com/v1/apps/agentic/PROJECT/SERVER"
                    f"/.well-known/openid-configuration, not {url!r}"
                )
            found.append(issuer)
        projects = {(issuer.base_url, issuer.project_id) for issuer in found}
        if len(projects) != 1:
            raise ConfigurationError("well_known must name one or more issuers of one project")
        ((base_url, project_id),) = projects
        return cls(project_id, base_url, tuple(issuer.value for issuer in found))
