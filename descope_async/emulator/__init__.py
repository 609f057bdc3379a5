"""A local Descope: really signed tokens, true semantics, no network.

async with Emulator() as emulator:
    client = DescopeClient(
        emulator.project_id, emulator.management_key, base_url=emulator.base_url
    )
"""

from __future__ import annotations

from .errors import EmulatorError
from .server import Emulator, ProjectCredentials

__all__ = ["Emulator", "EmulatorError", "ProjectCredentials"]
