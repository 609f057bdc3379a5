"""Clients of a local Descope."""

from __future__ import annotations

from typing import Any

from descope_async import DescopeClient
from descope_async.emulator import Emulator


def client_of(emulator: Emulator, **settings: Any) -> DescopeClient:
    """A client of the emulator's first project.

    Args:
        emulator: It runs.
        settings: Further arguments of the client, or others than the emulator's.
    """
    given = {"management_key": emulator.management_key, "base_url": emulator.base_url, **settings}
    return DescopeClient(emulator.project_id, **given)
