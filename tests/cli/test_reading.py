"""The commands that read keys."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from descope_async.emulator import Fault
from descope_sync import DescopeClient
from descope_sync.emulator import Emulator
from tests.cli.command_line import COMMAND, CommandLine

DAY = 86_400
#: What colours a terminal.
CODES = re.compile(r"\x1b\[[0-9;]*m")


@pytest.fixture
def keys(admin: DescopeClient) -> dict[str, str]:
    """Ids by name: a key that never ends, two that end, a tenant's, and one that is switched off."""
    now = int(datetime.now(UTC).timestamp())
    create = admin.mgmt.access_key.create
    made = {
        "plain": create("plain", role_names=["Reader"]),
        "soon": create("soon", now + 3 * DAY, description="ends first"),
        "later": create("later", now + 20 * DAY),
        "tenant's": create("tenant's", key_tenants=[{"tenant_id": "t1", "role_names": ["Reader"]}]),
        "off": create("off"),
    }
    admin.mgmt.access_key.deactivate(made["off"].key.id)
    return {name: each.key.id for name, each in made.items()}


def test_lists_a_row_for_each_key(cli: CommandLine, keys: dict[str, str]) -> None:
    done = cli.run("list")
    assert (done.returncode, done.stderr) == (0, "")
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    assert {row[0] for row in rows} == set(keys.values())
    by_name = {row[1]: row for row in rows}
    assert by_name["plain"][2:] == ["active", "never", "Reader"]
    assert by_name["off"][2] == "inactive"
    assert by_name["tenant's"][4] == "t1"


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        (["--state", "inactive"], {"off"}),
        (["--name", "*n*"], {"plain", "soon", "tenant's"}),
        (["--role", "Reader"], {"plain", "tenant's"}),
        (["--tenant", "t1"], {"tenant's"}),
        (["--expiring-in", "7d"], {"soon"}),
        (["--text", "ends first"], {"soon"}),
        (["--name", "nobody"], set()),
    ],
)
def test_lists_what_meets_the_criteria(
    cli: CommandLine, keys: dict[str, str], arguments: list[str], names: set[str]
) -> None:
    done = cli.run("list", "-q", *arguments)
    assert done.returncode == 0
    assert set(done.stdout.split()) == {keys[name] for name in names}


def test_writes_json_with_a_schema(cli: CommandLine, keys: dict[str, str]) -> None:
    found = cli.json("list", "--json", "--name", "soon")
    assert (found["schema"], found["kind"]) == (1, "access_keys")
    (key,) = found["keys"]
    assert key["id"] == keys["soon"]
    assert key["expiresAt"].endswith("Z")
    assert key["expireTime"] > datetime.now(UTC).timestamp()
    assert key["state"] == "active"


def test_a_table_fits_a_narrow_terminal(cli: CommandLine, keys: dict[str, str]) -> None:
    code, screen = cli.on_terminal("list", columns=60)
    assert code == 0
    assert all(key_id in screen for key_id in keys.values())
    shown = CODES.sub("", screen)
    assert max(len(line) for line in shown.splitlines()) <= 60
    assert "5 access keys" in screen
    assert "\x1b[3" not in screen  # NO_COLOR is set


def test_shows_everything_about_a_key(cli: CommandLine, keys: dict[str, str]) -> None:
    done = cli.run("show", keys["soon"])
    assert "description:       ends first" in done.stdout
    assert cli.json("show", "-", "--json", stdin=f"{keys['off']}\n")["keys"][0]["name"] == "off"


def test_searches(cli: CommandLine, keys: dict[str, str]) -> None:
    assert cli.run("search", "ends first", "-q").stdout.split() == [keys["soon"]]


def test_says_what_expires(cli: CommandLine, keys: dict[str, str]) -> None:
    done = cli.run("expiring", "-q")
    assert done.stdout.split() == [keys["soon"], keys["later"]]
    assert done.returncode == 0
    assert cli.run("expiring", "--within", "1w", "--exit-code").returncode == 20
    assert cli.run("expiring", "--within", "1h", "--exit-code").returncode == 0


def test_exports_cells_that_are_no_formulas(
    cli: CommandLine, admin: DescopeClient, tmp_path: Path
) -> None:
    admin.mgmt.access_key.create("=HYPERLINK(1)", description="+1, or\n-1")
    done = cli.run("export", "-f", "csv")
    (row,) = csv.DictReader(io.StringIO(done.stdout))
    assert row["name"] == "'=HYPERLINK(1)"
    assert row["description"] == "'+1, or\n-1"
    done = cli.run("export", "-f", "jsonl", "-o", str(tmp_path / "keys.jsonl"))
    assert done.stdout == ""
    assert json.loads((tmp_path / "keys.jsonl").read_text())["name"] == "=HYPERLINK(1)"


def test_text_of_the_service_cannot_move_the_cursor(cli: CommandLine, admin: DescopeClient) -> None:
    made = admin.mgmt.access_key.create("a", description="b\x1b[2Jc\nd")
    done = cli.run("show", made.key.id)
    assert "\x1b" not in done.stdout
    assert "b\N{REPLACEMENT CHARACTER}[2Jc\N{REPLACEMENT CHARACTER}d" in done.stdout


def test_a_reader_that_goes_away_is_no_failure(cli: CommandLine, admin: DescopeClient) -> None:
    for _ in range(3):
        admin.mgmt.access_key.create("x" * 30_000)
    with subprocess.Popen(
        [*COMMAND, "list"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=cli.variables(),
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.read(1)
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(timeout=120) == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["list", "--expiring-in", "soon"], "'soon' is not a length of time"),
        (["list", "--state", "asleep"], "active, expired, inactive"),
        (["show"], "ID"),
        (["lst"], "Did you mean 'list'"),
        (["list", "--attribute", "colour"], "not NAME=VALUE"),
    ],
)
def test_what_cannot_be_meant_is_said(cli: CommandLine, arguments: list[str], said: str) -> None:
    done = cli.run(*arguments)
    assert done.returncode == 2
    assert said in " ".join(done.stderr.replace("│", " ").split())
    assert "Traceback" not in done.stderr


def test_an_error_of_the_service_is_one_line(cli: CommandLine) -> None:
    done = cli.run("show", "K2nothing")
    assert done.returncode == 1
    assert done.stderr == "descope-keys: there is no access key K2nothing\n"
    assert "(request " in cli.run("-v", "show", "K2nothing").stderr
    done = cli.run("list", DESCOPE_MANAGEMENT_KEY="K2wrong")
    assert done.returncode == 4
    assert "descope-keys doctor" in done.stderr
    done = cli.run("list", DESCOPE_BASE_URI="http://127.0.0.1:9")
    assert done.returncode == 1
    assert "no connection" in done.stderr
    done = cli.run("list", DESCOPE_PROJECT_ID="")
    assert done.returncode == 2
    assert "no project id: set DESCOPE_PROJECT_ID\n" in done.stderr
    done = cli.run("list", DESCOPE_MANAGEMENT_KEY="")
    assert done.returncode == 2
    assert "needs a management key: set DESCOPE_MANAGEMENT_KEY\n" in done.stderr


def test_a_key_is_missing_only_where_descope_says_so(cli: CommandLine, local: Emulator) -> None:
    local.faults.add(Fault("status", "access_key.load", status=404))
    done = cli.run("show", "K2nothing")
    assert done.returncode == 1
    assert "there is no access key" not in done.stderr
    assert "404" in done.stderr


def test_a_profile_says_which_project(local: Emulator, tmp_path: Path) -> None:
    profiles = tmp_path / "descope-keys" / "profiles.toml"
    profiles.parent.mkdir()
    profiles.write_text(
        f'[local]\nproject_id = "{local.project_id}"\nmanagement_key = "{local.management_key}"\n'
        f'base_url = "{local.base_url}"\n\n[odd]\ncolour = "red"\n'
    )
    cli = CommandLine({"XDG_CONFIG_HOME": str(tmp_path)})
    profiles.chmod(0o644)
    done = cli.run("-p", "local", "list")
    assert done.returncode == 2
    assert "chmod 600" in done.stderr
    profiles.chmod(0o600)
    assert cli.run("-p", "local", "list").returncode == 0
    assert "has: local, odd" in cli.run("-p", "other", "list").stderr
    assert "nothing else" in cli.run("-p", "odd", "list").stderr
    profiles.write_text(f'[local]\nmanagement_key = "{local.management_key}\n')
    done = cli.run("-p", "local", "list")
    assert done.returncode == 2
    assert local.management_key not in done.stderr
    profiles.unlink()
    os.mkfifo(profiles, 0o600)
    done = cli.run("-p", "local", "list")
    assert (done.returncode, "it is no regular file" in done.stderr) == (2, True)


@pytest.mark.usefixtures("keys")
@pytest.mark.parametrize("arguments", [["list"], ["--help"], ["list", "--help"], ["--version"]])
def test_a_full_disk_is_a_sentence(cli: CommandLine, arguments: list[str]) -> None:
    done = cli.on_full_disk(*arguments)
    assert (done.returncode, "No space left on device\n" in done.stderr) == (1, True)


@pytest.mark.usefixtures("keys")
@pytest.mark.parametrize(
    ("closed", "code", "said"),
    [("<&-", 0, ""), (">&-", 2, "stdout is closed"), ("2>&-", 0, ""), ("<&- >&- 2>&-", 2, "")],
)
def test_a_stream_may_be_closed(cli: CommandLine, closed: str, code: int, said: str) -> None:
    done = subprocess.run(
        ["/bin/sh", "-c", f'"$@" {closed}', "sh", *COMMAND, "list", "-q"],
        capture_output=True,
        env=cli.variables(),
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == code, done.stderr
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == bool(said)


def test_a_narrow_terminal_shows_names_too(cli: CommandLine, admin: DescopeClient) -> None:
    key_id = admin.mgmt.access_key.create("a name that is not so short").key.id
    code, screen = cli.on_terminal("list", columns=30)
    lines = CODES.sub("", screen).split("\r\n")
    assert (code, lines[0]) == (0, key_id)
    assert "a name that is not so short" in " ".join(each.strip() for each in lines)
    assert max(map(len, lines)) <= 30
