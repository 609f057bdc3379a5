"""The commands that use an access key, and ``doctor``."""

from __future__ import annotations

from pathlib import Path

import pytest

from descope_async.emulator import Fault
from descope_sync import DescopeClient
from descope_sync.emulator import Emulator
from tests.cli.command_line import CommandLine

pytestmark = pytest.mark.timeout(180)  # commands start anew, and may share the machine


@pytest.fixture
def key(admin: DescopeClient) -> str:
    return admin.mgmt.access_key.create("machine", role_names=["Reader"]).cleartext


def test_a_token_goes_into_a_pipe(cli: CommandLine, admin: DescopeClient, key: str) -> None:
    done = cli.run("exchange", DESCOPE_ACCESS_KEY=key)
    assert done.returncode == 0, done.stderr
    assert admin.validate_session(done.stdout.strip()).roles == ("Reader",)
    assert cli.run("exchange", "-k", "-", stdin=f"{key}\n").returncode == 0
    done = cli.run("header", DESCOPE_ACCESS_KEY=key)
    assert done.stdout.startswith("Authorization: Bearer eyJ")


def test_a_key_is_read_from_where_it_is(cli: CommandLine, key: str, tmp_path: Path) -> None:
    file = tmp_path / "key.txt"
    file.write_text(f"{key}\n")
    file.chmod(0o600)
    assert cli.run("exchange", "-k", f"file:{file}").returncode == 0
    assert cli.run("exchange", "-k", "env:MY_KEY", MY_KEY=key).returncode == 0
    done = cli.run("exchange", "-k", f"file:{tmp_path}/none")
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    done = cli.run("exchange", "-k", key)
    assert done.returncode == 2
    assert key not in done.stderr
    assert "shell's history" in done.stderr


def test_a_terminal_shows_no_token_unless_asked(cli: CommandLine, key: str, tmp_path: Path) -> None:
    file = tmp_path / "key.txt"
    file.write_text(key)
    file.chmod(0o600)
    code, screen = cli.on_terminal("exchange", "-k", f"file:{file}")
    assert (code, "--reveal" in screen, "eyJ" in screen) == (2, True, False)
    code, screen = cli.on_terminal("exchange", "-k", f"file:{file}", "--reveal")
    assert (code, "eyJ" in screen) == (0, True)


def test_json_says_what_a_token_grants_and_not_the_token(cli: CommandLine, key: str) -> None:
    done = cli.run("exchange", "--json", "--claim", "job=7", DESCOPE_ACCESS_KEY=key)
    assert done.returncode == 0
    assert '"Reader"' in done.stdout
    assert "eyJ" not in done.stdout


def test_exec_gives_a_command_the_token_and_no_key(cli: CommandLine, key: str) -> None:
    script = "echo token=${DESCOPE_SESSION_TOKEN%%.*} key=$DESCOPE_ACCESS_KEY.$DESCOPE_MANAGEMENT_KEY; exit 7"
    done = cli.run("exec", "--", "sh", "-c", script, DESCOPE_ACCESS_KEY=key)
    assert done.returncode == 7
    assert done.stdout.startswith("token=eyJ")
    assert done.stdout.rstrip().endswith("key=.")
    assert cli.run("exec", DESCOPE_ACCESS_KEY=key).returncode == 2
    done = cli.run("exec", "--", "no-such-command-here", DESCOPE_ACCESS_KEY=key)
    assert done.returncode == 2
    assert "no-such-command-here" in done.stderr


def test_a_refused_key_has_its_code(cli: CommandLine) -> None:
    assert (
        cli.run("exchange", DESCOPE_ACCESS_KEY="K2a7Qm9ZtR4vB1nX8sL5dF3gH6jP0cWyE").returncode == 4
    )


def test_the_doctor_finds_nothing_wrong(cli: CommandLine) -> None:
    done = cli.run("doctor", "--exit-code")
    assert done.returncode == 0, done.stdout
    assert "BAD" not in done.stdout
    assert "sees 0 access keys" in done.stdout


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"DESCOPE_PROJECT_ID": ""}, "DESCOPE_PROJECT_ID"),
        ({"DESCOPE_MANAGEMENT_KEY": ""}, "set DESCOPE_MANAGEMENT_KEY"),
        ({"DESCOPE_MANAGEMENT_KEY": "K2wrong"}, "make a management key"),
        ({"DESCOPE_BASE_URI": "http://127.0.0.1:9"}, "look at network"),
    ],
)
def test_the_doctor_says_what_to_do(
    cli: CommandLine, environment: dict[str, str], said: str
) -> None:
    done = cli.run("doctor", "--exit-code", **environment)
    assert done.returncode == 20
    assert "BAD" in done.stdout
    assert said in done.stdout
    assert "Traceback" not in done.stderr


def test_the_doctor_knows_an_outage(cli: CommandLine, local: Emulator) -> None:
    local.faults.add(Fault("status", "key_set"))
    done = cli.run("doctor", "--json")
    assert done.returncode == 0
    assert '"good": false' in done.stdout
