"""A local Descope has an answer for every path that the official SDK from npm calls."""

from __future__ import annotations

from tests.interop.official_node import FOLDER, NEEDED
from tests.interop.official_paths import paths_in, unknown

pytestmark = NEEDED


async def test_every_path_is_served_or_said_not_to_be_emulated() -> None:
    folder = FOLDER / "node_modules/@descope"
    paths = paths_in(each for each in folder.rglob("*.js") if "dist" in each.parts)
    assert "/v1/mgmt/accesskey/create" in paths
    assert len(paths) > 100
    assert await unknown(paths) == []
