"""A local Descope has an answer for every path that the official SDK from PyPI calls."""

from __future__ import annotations

from pathlib import Path

import descope

from tests.interop.official_paths import paths_in, unknown


async def test_every_path_is_served_or_said_not_to_be_emulated() -> None:
    folder = Path(descope.__file__).parent
    paths = paths_in(folder.rglob("*.py"))
    assert "/v1/mgmt/accesskey/create" in paths
    assert len(paths) > 100
    assert await unknown([*paths, "/v1/mgmt/role/other"]) == ["/v1/mgmt/role/other"]
