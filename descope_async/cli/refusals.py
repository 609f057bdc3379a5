"""Why this program itself refuses to go on, where that has an exit code of its own."""

from __future__ import annotations

from descope_async.errors import ConfigurationError


class StalePlan(ConfigurationError):
    """A saved plan does not fit: it was edited, is of another project, or something has changed since."""


class RunUnfinished(ConfigurationError):
    """A run that is not finished does it already."""


class ProjectBusy(ConfigurationError):
    """Another process on this machine is changing the keys of the project."""
