"""What the tests of the facade share."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from descope_sync._portal import Portal

SCRIPTS = Path(__file__).parent / "scripts"


@dataclass(frozen=True)
class Finished:
    """How a script ended, and what it said."""

    status: int
    out: list[str]
    err: str


@pytest.fixture
def run_script(tmp_path: Path) -> Callable[..., Finished]:
    """Run one of the scripts in a process of its own, which is killed when it hangs.

    Its output goes to files: a forked child that outlives it would hold a pipe open.
    """

    def run(name: str, *arguments: str, within: float = 120) -> Finished:
        out, err = tmp_path / "out", tmp_path / "err"
        with out.open("wb") as out_file, err.open("wb") as err_file:
            process = subprocess.Popen(
                [sys.executable, "-W", "error", "-W", "ignore:This process", name, *arguments],
                cwd=SCRIPTS,
                stdin=subprocess.DEVNULL,
                stdout=out_file,
                stderr=err_file,
                start_new_session=True,
            )
            try:
                status = process.wait(within)
            except subprocess.TimeoutExpired:
                pytest.fail(f"{name} hangs; it said: {out.read_text()} {err.read_text()}")
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        return Finished(status, out.read_text().splitlines(), err.read_text())

    return run


@pytest.fixture
def portal() -> Iterator[Portal]:
    """A portal of the test's own."""
    portal = Portal()
    yield portal
    portal.close()
