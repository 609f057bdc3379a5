"""A Django site in tests, on a local Descope."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, Protocol

from django.test import override_settings

from descope_async.emulator import Clock
from descope_async.testing import EmulatorClock

from ._settings import configured

__all__ = ["LocalProject", "on_local"]

#: Entries of ``DESCOPE`` that belong to another project.
_FOREIGN = ("PUBLIC_KEY", "AUTH_MANAGEMENT_KEY")


class LocalProject(Protocol):
    """A project of a local Descope: an `Emulator`, or the fixture ``descope_project`` of pytest."""

    @property
    def project_id(self) -> str:
        """The project's id."""
        ...

    @property
    def management_key(self) -> str:
        """A key that manages it."""
        ...

    @property
    def base_url(self) -> str:
        """Where the service is."""
        ...

    @property
    def clock(self) -> Clock:
        """The service's time."""
        ...


@contextmanager
def on_local(local: LocalProject) -> Generator[None, None, None]:
    """Let the site work on a local Descope while the block runs, and go by its clock.

    All else that ``DESCOPE`` says stays. The fixture ``descope_project`` of pytest does this by itself.

    Args:
        local: The project.

    Raises:
        ConfigurationError: ``DESCOPE`` has an unknown name.
    """
    with override_settings(DESCOPE=_described(local)):  # in no variable, because tests fail in here
        yield


def _described(local: LocalProject) -> dict[str, Any]:
    kept = {name: value for name, value in configured().items() if name not in _FOREIGN}
    return kept | {
        "PROJECT_ID": local.project_id,
        "MANAGEMENT_KEY": local.management_key,
        "BASE_URL": local.base_url,
        "CLIENT": {**kept.get("CLIENT", {}), "clock": EmulatorClock(local.clock)},
    }
