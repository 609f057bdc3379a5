"""What is typed, piped in or read from files: ends of waiting, and input without an end."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from descope_sync import DescopeClient

from .command_line import COMMAND, CommandLine


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 143)]
)
@pytest.mark.parametrize(
    ("command", "asked"),
    [
        (["show", "-"], "reading ids from the terminal"),
        (["exchange", "--key", "-", "--reveal"], "Access key"),
    ],
)
def test_one_signal_ends_the_wait_for_input(
    cli: CommandLine, number: signal.Signals, code: int, command: list[str], asked: str
) -> None:
    left, screen = cli.on_terminal(*command, interrupted_at=asked, by=number)
    assert (left, "Traceback" in screen) == (code, False)
    assert "interrupted" in screen or f"ended by {number.name}" in screen


def test_a_secret_that_is_typed_is_not_shown(cli: CommandLine, admin: DescopeClient) -> None:
    created = admin.mgmt.access_key.create("typed")
    typed = f"{created.cleartext}\n"
    code, screen = cli.on_terminal(
        "exchange", "--key", "-", "--json", typed=typed, asked="Access key"
    )
    assert (code, created.key.id in screen) == (0, True)
    assert created.cleartext not in screen


@pytest.mark.parametrize("locale", ["C.UTF-8", "C"])
@pytest.mark.parametrize(
    ("given", "said"),
    [(b"K2\xff\n", "stdin is no utf-8 text"), (b"K2a\n" * 400_000, "more than")],
)
@pytest.mark.parametrize("command", [["show", "-"], ["exchange", "-k", "-", "--json"], ["inspect"]])
def test_input_that_is_no_text_or_too_long_is_refused(
    cli: CommandLine, command: list[str], given: bytes, said: str, locale: str
) -> None:
    done = subprocess.run(
        [*COMMAND, *command],
        input=given,
        capture_output=True,
        env=cli.variables(LC_ALL=locale),
        timeout=120,
        check=False,
    )
    assert (done.returncode, said in done.stderr.decode()) == (2, True), done.stderr


def test_input_may_begin_as_on_windows(cli: CommandLine, admin: DescopeClient) -> None:
    created = admin.mgmt.access_key.create("a")
    jwt = admin.exchange_access_key(created.cleartext).jwt
    done = cli.run("show", "-", stdin=f"\ufeff{created.key.id}\r\n\r\n")
    assert (done.returncode, created.key.id in done.stdout) == (0, True), done.stderr
    done = cli.run("inspect", "-", "--online", stdin=f"\ufeff{jwt}\r\n")
    assert (done.returncode, created.key.id in done.stdout) == (0, True), done.stdout


@pytest.mark.parametrize(
    "command", [["plan"], ["provision", "--to", "file:keys/{id}"], ["apply", "--plan"]]
)
def test_a_file_without_an_end_is_refused(
    cli: CommandLine, command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    name, *options = command
    Path("keys.yaml").write_text("keys: {}\n")
    done = cli.run(name, *options, "/dev/zero")
    assert (done.returncode, "is larger than" in done.stderr) == (2, True), done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("command", [["plan", "PIPE"], ["list"]])
def test_one_signal_ends_a_wait_for_a_pipe(
    cli: CommandLine, tmp_path: Path, command: list[str], number: signal.Signals
) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with (
        subprocess.Popen(
            [*COMMAND, *(each.replace("PIPE", str(pipe)) for each in command)],
            env=cli.variables(DESCOPE_MANAGEMENT_KEY=f"file:{pipe}"),
            stderr=subprocess.PIPE,
            text=True,
        ) as process,
        pipe.open("w"),
    ):  # it waits now for what is written
        time.sleep(0.5)
        process.send_signal(number)
        _, said = process.communicate(timeout=120)
    assert process.returncode == 128 + number, said
    assert len(said.splitlines()) == 1, said


@pytest.mark.parametrize(
    "command",
    [["show", "-"], ["replace", "-", "--expires", "90d", "--to", "jsonl:keys"], ["import", "-"]],
)
def test_an_empty_list_of_ids_is_nothing_to_do(
    cli: CommandLine, command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = cli.run(*command, stdin="\n# none\n")
    said = "descope-keys: no ids are on stdin, so there is nothing to do\n"
    assert (done.returncode, done.stdout, done.stderr) == (0, "", said)
    assert not (tmp_path / "keys.yaml").exists()
