"""``descope-keys`` as a person or a script runs it, on a local Descope."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from collections.abc import Mapping
from typing import Any, Final

from attrs import field, frozen

COMMAND: Final = (sys.executable, "-m", "descope_async.cli")


@frozen
class CommandLine:
    """Runs commands.

    Attributes:
        environment: What every command finds in its environment beside this process's.
    """

    environment: Mapping[str, str] = field(factory=dict[str, str])

    def run(
        self, *arguments: str, stdin: str = "", **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a command to its end, without a terminal."""
        return subprocess.run(
            [*COMMAND, *arguments],
            capture_output=True,
            text=True,
            timeout=90,
            input=stdin,
            env=self.variables(**environment),
            check=False,
        )

    def json(self, *arguments: str, stdin: str = "") -> Any:
        """The JSON document that a command writes."""
        done = self.run(*arguments, stdin=stdin)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def on_terminal(self, *arguments: str, typed: str = "", columns: int = 80) -> tuple[int, str]:
        """Exit code and screen of a command that runs on a terminal of its own."""
        leader, follower = pty.openpty()
        with subprocess.Popen(
            [*COMMAND, *arguments],
            stdin=follower,
            stdout=follower,
            stderr=follower,
            env=self.variables(COLUMNS=str(columns), LINES="24"),
            start_new_session=True,
        ) as process:
            os.close(follower)
            os.write(leader, typed.encode())
            screen = bytearray()
            while True:
                try:
                    read = os.read(leader, 4096)
                except OSError:  # how Linux says that the other side has closed
                    break
                if not read:
                    break
                screen += read
            code = process.wait(timeout=90)
        os.close(leader)
        return code, screen.decode(errors="replace")

    def variables(self, **more: str) -> dict[str, str]:
        """The environment of a command."""
        plain = {"NO_COLOR": "1", "COLUMNS": "100", "CI": "", "TERM": "xterm"}
        return {**os.environ, **plain, **self.environment, **more}
