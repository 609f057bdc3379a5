"""Rows of the command line: whole processes, from their start to their end."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Final

from .answers import PROJECT
from .bars import Line, line
from .rounds import Setting

_COMMAND: Final = (sys.executable, "-m", "descope_async.cli")
#: What somebody would write who has the client and no command line.
_LIST: Final = """
import asyncio
from descope_async import DescopeClient
async def main():
    async with DescopeClient() as client:
        for key in await client.mgmt.access_key.search_all_access_keys():
            print(key.id, key.name, key.status, key.expire_time, ", ".join(key.role_names), sep="\\t")
asyncio.run(main())
"""


def command_line(setting: Setting) -> list[Line]:
    """``descope-keys`` beside Python alone."""
    libraries = {
        "ours": [*_COMMAND, "--help"],
        "floor": [sys.executable, "-c", "import typer, rich"],
    }
    script = {"ours": [*_COMMAND, "list"], "floor": [sys.executable, "-c", _LIST]}
    return [
        line(
            "descope-keys --help",
            _timed(setting, libraries),
            floor="import typer, rich",
            times_floor=2,
        ),
        line(
            f"descope-keys list, {setting.keys:,} keys",
            _timed(setting, script),
            floor="a script with the client",
            times_floor=1.3,
        ),
    ]


def _timed(setting: Setting, commands: Mapping[str, Sequence[str]]) -> dict[str, list[float]]:
    """Seconds that processes take, one of each for each round."""
    taken: dict[str, list[float]] = {who: [] for who in commands}
    environment = {
        **os.environ,
        "DESCOPE_PROJECT_ID": PROJECT,
        "DESCOPE_MANAGEMENT_KEY": "K2benchmark",
        "DESCOPE_BASE_URI": setting.server.plain.url,
    }
    for number in range(-1, setting.rounds):
        for who in list(commands) if number % 2 == 0 else list(commands)[::-1]:
            start = time.perf_counter()
            subprocess.run(commands[who], check=True, stdout=subprocess.DEVNULL, env=environment)
            if number >= 0:  # before that, to compile
                taken[who].append(time.perf_counter() - start)
    return taken
