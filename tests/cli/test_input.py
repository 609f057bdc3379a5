"""What is typed, piped in or read from files: ends of waiting, and input without an end."""

from __future__ import annotations

import random
import re
import signal
import subprocess
from pathlib import Path
from typing import Final

import pytest

from descope_sync import DescopeClient

from .apply_campaign import Campaign
from .command_line import COMMAND, CommandLine

_CODES: Final = re.compile(r"\x1b\[[0-9;]*m")
pytestmark = pytest.mark.timeout(240)


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
        timeout=90,
        check=False,
    )
    assert (done.returncode, said in done.stderr.decode()) == (2, True), done.stderr


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


def test_a_narrow_terminal_shows_names_too(cli: CommandLine, admin: DescopeClient) -> None:
    key_id = admin.mgmt.access_key.create("a name that is not so short").key.id
    code, screen = cli.on_terminal("list", columns=30)
    lines = _CODES.sub("", screen).split("\r\n")
    assert (code, lines[0]) == (0, key_id)
    assert "a name that is not so short" in " ".join(each.strip() for each in lines)
    assert max(map(len, lines)) <= 30


def test_an_apply_that_is_killed_now_and_then_loses_nothing() -> None:
    campaign = Campaign(random.Random(18))  # noqa: S311 - chooses when to kill
    campaign.round(2, misbehaves=True)
    assert not campaign.problems
    assert campaign.states
