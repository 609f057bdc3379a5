"""What commands write where nobody reads it, or where there is no room: the exit code still tells of their work."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from descope_async.emulator import Fault
from descope_sync import DescopeClient
from descope_sync.emulator import Emulator

from .command_line import COMMAND, CommandLine

LOST = ["nobody reads", "full disk"]
MANIFEST = """\
sinks: file:keys/{label}.json
keys:
  ci:
    expires: 2037-01-01
"""


@contextmanager
def _lost(how: str) -> Iterator[int]:
    """A descriptor to which nothing can be written."""
    if how == "full disk":
        with Path("/dev/full").open("w") as full:
            yield full.fileno()
        return
    reader, writer = os.pipe()
    os.close(reader)
    try:
        yield writer
    finally:
        os.close(writer)


def _code(cli: CommandLine, *arguments: str, out: str = "", err: str = "") -> tuple[int, str, str]:
    """Exit code, stdout and stderr of a command, of which one or both are lost."""
    with _lost(out) as lost_out, _lost(err) as lost_err:
        done = subprocess.run(
            [*COMMAND, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=lost_out if out else subprocess.PIPE,
            stderr=lost_err if err else subprocess.PIPE,
            env=cli.variables(),
            text=True,
            timeout=120,
            check=False,
        )
    return done.returncode, done.stdout or "", done.stderr or ""


@pytest.fixture
def manifest(tmp_path: Path) -> str:
    path = tmp_path / "keys.yaml"
    path.write_text(MANIFEST)
    return str(path)


@pytest.mark.parametrize("how", LOST)
def test_what_a_person_cannot_read_stops_no_change(
    cli: CommandLine, admin: DescopeClient, manifest: str, how: str
) -> None:
    code, out, _ = _code(cli, "apply", manifest, "--yes", err=how)
    (key,) = admin.mgmt.access_key.search_all_access_keys()
    assert (code, key.id in out) == (0, True)


def test_an_apply_that_nobody_reads_is_carried_out(
    cli: CommandLine, admin: DescopeClient, manifest: str
) -> None:
    code, _, _ = _code(cli, "apply", manifest, "--yes", out=LOST[0], err=LOST[0])
    assert code == 0
    assert len(admin.mgmt.access_key.search_all_access_keys()) == 1


@pytest.mark.parametrize("how", LOST)
@pytest.mark.parametrize("form", [[], ["--json"]])
def test_the_code_of_an_apply_is_that_of_the_keys(
    cli: CommandLine, local: Emulator, manifest: str, how: str, form: list[str]
) -> None:
    local.faults.add(Fault("status", "access_key.create", status=400))
    code, _, said = _code(cli, "apply", manifest, "--yes", *form, out=how)
    assert code == 3, said
    assert "Traceback" not in said


@pytest.mark.parametrize("how", LOST)
@pytest.mark.parametrize(
    ("command", "code"),
    [
        (["drift", "MANIFEST"], 20),
        (["plan", "MANIFEST", "--exit-code", "--json"], 20),
        (["audit", "--exit-code"], 20),
        (["doctor", "--exit-code"], 0),
        (["verify", "file:/none"], 1),
        (["list"], 0),
    ],
)
def test_the_code_tells_of_the_work_first(
    cli: CommandLine,
    admin: DescopeClient,
    manifest: str,
    how: str,
    command: list[str],
    code: int,
) -> None:
    admin.mgmt.access_key.create("doubtful")
    words = [manifest if each == "MANIFEST" else each for each in command]
    found, _, said = _code(cli, *words, out=how)
    expected = code or int(how == "full disk")
    assert (found, "stdout cannot be written" in said) == (expected, how == "full disk"), said


@pytest.mark.parametrize("how", LOST)
@pytest.mark.parametrize(
    ("command", "code"),
    [
        (["list", "-q"], 0),
        (["list", "--nonsense"], 2),
        (["show", "K2nothing"], 1),
        (["exchange", "--key", f"env:K{'a' * 40}", "--json"], 2),  # it warns of secrets first
    ],
)
def test_stderr_changes_no_exit_code(
    cli: CommandLine, how: str, command: list[str], code: int
) -> None:
    assert _code(cli, *command, err=how)[0] == code


def test_characters_that_stdout_lacks_are_escaped(cli: CommandLine, admin: DescopeClient) -> None:
    name = "key-ключ-\N{KEY}"
    admin.mgmt.access_key.create(name)
    done = cli.process("list", "--json", PYTHONIOENCODING="iso-8859-15")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["keys"][0]["name"] == name
    done = cli.process("list", PYTHONIOENCODING="iso-8859-15")
    assert (done.returncode, done.stderr) == (0, "")
    assert "-\\u043a\\u043b" in done.stdout
