"""What measures protected views has to run, whatever it finds."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.skipif(sys.platform != "linux", reason="processor time is read from /proc")
@pytest.mark.parametrize("options", [["--in-process"], ["--requests", "16"]])
def test_it_measures(options: list[str]) -> None:
    command = [sys.executable, "-m", "benchmarks.django", "--rounds", "1", *options]
    done = subprocess.run(
        command, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "ours, with a permission" in done.stdout
