"""``descope-keys`` as a person or a script runs it, on a local Descope."""

from __future__ import annotations

import io
import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, Final

import pytest
from attrs import field, frozen

from descope_async.cli import main

COMMAND: Final = (sys.executable, "-m", "descope_async.cli")


class _Output(io.TextIOWrapper):
    """What a command writes, as to a pipe."""

    def __init__(self) -> None:
        super().__init__(io.BytesIO(), encoding="utf-8", write_through=True)

    def text(self) -> str:
        """All of it."""
        assert isinstance(self.buffer, io.BytesIO)
        return self.buffer.getvalue().decode()


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
        """Run a command to its end, without a terminal, in this process: a new one takes a second."""
        out, err = _Output(), _Output()
        before = dict(os.environ), sys.argv, sys.stdin
        os.environ.clear()
        os.environ.update(self.variables(**environment))
        sys.argv, sys.stdin = ["descope-keys", *arguments], io.StringIO(stdin)
        try:
            with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as end:
                main()
        finally:
            os.environ.clear()
            os.environ.update(before[0])
            sys.argv, sys.stdin = before[1:]
        code = end.value.code if isinstance(end.value.code, int) else 0
        return subprocess.CompletedProcess(arguments, code, out.text(), err.text())

    def process(
        self, *arguments: str, stdin: str = "", **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a command to its end, without a terminal, in a process of its own."""
        return subprocess.run(
            [*COMMAND, *arguments],
            capture_output=True,
            text=True,
            timeout=120,
            input=stdin,
            env=self.variables(**environment),
            check=False,
        )

    def on_full_disk(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end whose stdout goes to a disk without space, as in ``> file``."""
        with Path("/dev/full").open("w") as full:
            return subprocess.run(
                [*COMMAND, *arguments],
                stdout=full,
                stderr=subprocess.PIPE,
                text=True,
                timeout=120,
                env=self.variables(),
                check=False,
            )

    def json(self, *arguments: str, stdin: str = "") -> Any:
        """The JSON document that a command writes."""
        done = self.run(*arguments, stdin=stdin)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def on_terminal(
        self,
        *arguments: str,
        typed: str = "",
        asked: str = "",
        columns: int = 80,
        interrupted_at: str = "",
        by: signal.Signals = signal.SIGINT,
    ) -> tuple[int, str]:
        """Exit code and screen of a command that runs on a terminal of its own.

        What is typed is typed when it has asked, or at once. It is interrupted, once, as by Ctrl-C or another
        signal, when a text has appeared.
        """
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
            if not asked:
                os.write(leader, typed.encode())
            screen = bytearray()
            began = time.monotonic()
            has_asked = False
            while True:
                if not select.select([leader], [], [], 5)[0]:
                    if time.monotonic() > began + 90:
                        process.kill()
                    elif has_asked:  # and has forgotten what came before it listened
                        os.write(leader, typed.encode())
                    continue
                try:
                    read = os.read(leader, 4096)
                except OSError:  # how Linux says that the other side has closed
                    break
                if not read:
                    break
                screen += read
                if asked and not has_asked and asked.encode() in screen:
                    has_asked = True
                    time.sleep(1)  # a question for a secret forgets what was typed before
                    os.write(leader, typed.encode())
                if interrupted_at and interrupted_at.encode() in screen:
                    interrupted_at = ""
                    # Python does not see one that comes in the microseconds between its last look and its wait.
                    time.sleep(0.3)
                    process.send_signal(by)
            code = process.wait(timeout=120)
        os.close(leader)
        return code, screen.decode(errors="replace")

    def variables(self, **more: str) -> dict[str, str]:
        """The environment of a command."""
        plain = {"NO_COLOR": "1", "COLUMNS": "100", "CI": "", "TERM": "xterm"}
        return {**os.environ, **plain, **self.environment, **more}
