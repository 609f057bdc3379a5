"""Rows of the command line: whole processes, from their start to their end."""

from __future__ import annotations

import sys
from typing import Final

from .answers import MANAGEMENT_KEY, PROJECT
from .bars import Line, line
from .processes import FLOORS, lasting
from .rounds import Setting

_COMMAND: Final = (sys.executable, "-m", "descope_async.cli")


def command_line(setting: Setting) -> list[Line]:
    """``descope-keys`` beside the library that it stands on, and beside a script with the client."""
    variables = {
        "DESCOPE_PROJECT_ID": PROJECT,
        "DESCOPE_MANAGEMENT_KEY": MANAGEMENT_KEY,
        "DESCOPE_BASE_URI": setting.server.plain.url,
    }
    libraries = {
        "ours": [*_COMMAND, "--help"],
        "floor": [sys.executable, str(FLOORS / "help_command.py")],
    }
    script = {
        "ours": [*_COMMAND, "list"],
        "floor": [sys.executable, str(FLOORS / "list_command.py")],
    }
    return [
        line(
            "descope-keys --help",
            lasting(setting, libraries, variables),
            floor="click",
            times_floor=2,
        ),
        line(
            f"descope-keys list, {setting.keys:,} keys",
            lasting(setting, script, variables),
            floor="a script with the client",
            times_floor=1.3,
        ),
    ]
