"""What the tests of the official Node SDK share."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parent / "node"
NEEDED = [
    pytest.mark.skipif(not shutil.which("node"), reason="needs Node.js: there is no node"),
    pytest.mark.skipif(
        not (FOLDER / "node_modules").is_dir(),
        reason="needs the SDK from npm: nox -s interop installs it",
    ),
]
Seen = dict[str, Any]


def data(seen: Seen, step: str) -> Any:
    """What an answer brought that was no refusal."""
    assert seen[step]["ok"], (step, seen[step])
    return seen[step]["data"]


def refusal(seen: Seen, step: str) -> tuple[int, str, str]:
    """The status, the code and the message of a refusal."""
    assert not seen[step]["ok"], (step, seen[step])
    error = seen[step]["error"]
    return seen[step]["code"], error["errorCode"], error["errorMessage"]
