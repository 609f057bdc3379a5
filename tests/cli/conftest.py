"""A local Descope with some keys, and the command line that works on it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from descope_sync import DescopeClient
from descope_sync.emulator import Emulator
from tests.cli.command_line import CommandLine

SEED = {
    "tenants": [{"id": "t1", "name": "One"}],
    "permissions": [{"name": "read"}],
    "roles": [{"name": "Reader", "permissionNames": ["read"]}],
}


@pytest.fixture
def local() -> Iterator[Emulator]:
    with Emulator(seed=SEED) as emulator:
        yield emulator


@pytest.fixture
def admin(local: Emulator) -> Iterator[DescopeClient]:
    with DescopeClient(local.project_id, local.management_key, base_url=local.base_url) as client:
        yield client


@pytest.fixture
def cli(local: Emulator, tmp_path: Path) -> CommandLine:
    return CommandLine(
        {
            "DESCOPE_PROJECT_ID": local.project_id,
            "DESCOPE_MANAGEMENT_KEY": local.management_key,
            "DESCOPE_BASE_URI": local.base_url,
            "XDG_CONFIG_HOME": str(tmp_path / "config"),
            "XDG_STATE_HOME": str(tmp_path / "state"),
        }
    )
