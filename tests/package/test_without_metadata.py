"""The packages in a folder without any package's metadata, as bundles for functions are made."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = """
import importlib.metadata
from {package} import DescopeClient, __version__
from descope_async.errors import ConnectionFailed

assert not list(importlib.metadata.distributions())
{use}
print(__version__)
"""
USES = {
    "descope_async": """
import asyncio

async def main():
    async with DescopeClient("P1", "Kmanagement", base_url="http://127.0.0.1:9", retries={"attempts": 1}) as client:
        try:
            await client.mgmt.access_key.load("K1")
        except ConnectionFailed:
            pass

asyncio.run(main())
""",
    "descope_sync": """
with DescopeClient("P1", "Kmanagement", base_url="http://127.0.0.1:9", retries={"attempts": 1}) as client:
    try:
        client.mgmt.access_key.load("K1")
    except ConnectionFailed:
        pass
""",
}


@pytest.mark.parametrize("package", USES)
def test_a_client_works_without_metadata(package: str, tmp_path: Path) -> None:
    for folder in {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}:
        for entry in Path(folder).iterdir():
            if entry.suffix not in {
                ".dist-info",
                ".egg-info",
                ".pth",
            } and not entry.name.startswith("_"):
                (tmp_path / entry.name).symlink_to(entry)
    for entry in Path(sysconfig.get_path("platlib")).glob("_cffi_backend*"):
        (tmp_path / entry.name).symlink_to(entry)
    for own in ("descope_async", "descope_sync"):
        (tmp_path / own).unlink(missing_ok=True)
        (tmp_path / own).symlink_to(ROOT / own)
    done = subprocess.run(
        [sys.executable, "-S", "-c", SCRIPT.format(package=package, use=USES[package])],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().count(".") == 2


def test_the_version_stands_in_one_place() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert project["project"]["dynamic"] == ["version"]
    assert project["tool"]["hatch"]["version"] == {"path": "descope_async/__init__.py"}
