"""Programs in other languages, run on ``descope-keys emulator``."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

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
                timeout=50,
                check=False,
            )
        finally:
            emulator.kill()
    assert done.returncode == 0, done.stderr
    printed: dict[str, Any] = json.loads(done.stdout)
    return printed
