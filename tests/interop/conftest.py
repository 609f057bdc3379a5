"""The official clients for Python, and programs in other languages, on a local Descope."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

import anyio.to_thread
import pytest
from descope import DescopeClient
from descope.descope_client_async import DescopeClientAsync

from descope_async.emulator import Emulator
from tests.interop.official_python import Official

NEEDED = {"DESCOPE_BASE_URL", "DESCOPE_PROJECT_ID", "DESCOPE_MANAGEMENT_KEY"}
RunProgram = Callable[[Sequence[str], Path], dict[str, Any]]


@pytest.fixture(scope="session")
def run_program() -> RunProgram:
    """``run_program(command, folder)`` gives the JSON that a program prints."""
    return _run


def _run(command: Sequence[str], folder: Path) -> dict[str, Any]:
    with subprocess.Popen(
        [sys.executable, "-m", "descope_async.cli", "emulator", "--env"],
        stdout=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
    ) as emulator:
        assert emulator.stdout is not None
        try:
            exported: dict[str, str] = {}
            while not exported.keys() >= NEEDED:
                line = emulator.stdout.readline()
                assert line, "the emulator has ended"
                name, value = line.removeprefix("export ").strip().split("=", 1)
                exported[name] = value
            done = subprocess.run(
                command,
                cwd=folder,
                env={**os.environ, **exported},
                capture_output=True,
                text=True,
                timeout=120,
                check=False,
            )
        finally:
            emulator.kill()
    assert done.returncode == 0, done.stderr
    printed: dict[str, Any] = json.loads(done.stdout)
    return printed


@pytest.fixture
async def emulator() -> AsyncIterator[Emulator]:
    async with Emulator() as running:
        yield running


@pytest.fixture(params=["sync", "async"])
async def official(request: pytest.FixtureRequest, emulator: Emulator) -> AsyncIterator[Official]:
    credentials: dict[str, Any] = {
        "project_id": emulator.project_id,
        "management_key": emulator.management_key,
        "base_url": emulator.base_url,
    }
    if request.param == "async":
        client = DescopeClientAsync(**credentials)
        yield Official(client, "async")
        await client.aclose()
        return
    # Its constructor asks for the license, so it must not run on the emulator's own loop.
    make: Callable[[], Any] = lambda: DescopeClient(**credentials)  # noqa: E731
    yield Official(await anyio.to_thread.run_sync(make), "sync")
