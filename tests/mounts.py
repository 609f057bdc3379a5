"""Files that are mounted over others, as containers have them."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

_REFUSED = 77


def run_where_mounted(file: Path, over: Path, program: str) -> subprocess.CompletedProcess[str]:
    """Run a Python program that sees one file in the place of another one. Nobody else sees it there.

    A test is skipped where a user may not mount anything.
    """
    unshare = shutil.which("unshare")
    if unshare is None:
        pytest.skip("there is no unshare")
    script = f'mount --bind "$1" "$2" || exit {_REFUSED}; shift 2; exec "$@"'
    done = subprocess.run(
        [unshare, "-rm", "sh", "-c", script, "sh", file, over, sys.executable, "-c", program],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    if done.returncode == _REFUSED or done.stderr.startswith("unshare:"):
        pytest.skip(f"nothing can be mounted here: {done.stderr}")
    return done
