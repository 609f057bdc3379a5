"""``descope-keys inspect``."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from descope_sync import DescopeClient
from descope_sync.emulator import Emulator
from tests.cli.command_line import CommandLine


@pytest.fixture
def jwt(admin: DescopeClient) -> str:
    made = admin.mgmt.access_key.create("machine", role_names=["Reader"])
    return admin.exchange_access_key(made.cleartext).jwt


def test_says_what_a_token_claims_without_asking_anybody(
    cli: CommandLine, local: Emulator, jwt: str
) -> None:
    local.requests.clear()
    done = cli.run("inspect", stdin=jwt)
    assert done.returncode == 1
    assert done.stdout.startswith("not judged: its signature was not checked")
    assert "header.alg: RS256" in done.stdout
    assert "claims.exp: " in done.stdout
    assert ", in 10 min)" in done.stdout
    assert list(local.requests) == []


def test_a_dash_stands_for_stdin(cli: CommandLine, jwt: str) -> None:
    done = cli.run("inspect", "-", "--online", stdin=jwt)
    assert (done.returncode, done.stdout.splitlines()[0]) == (0, "passes")


def test_says_whether_it_would_pass(cli: CommandLine, jwt: str, tmp_path: Path) -> None:
    file = tmp_path / "token.txt"
    file.write_text(f"{jwt}\n")
    done = cli.run("inspect", str(file), "--online")
    assert (done.returncode, done.stdout.splitlines()[0]) == (0, "passes")
    found = cli.run("inspect", str(file), "--online", "--audience", "other", "--json")
    assert found.returncode == 1
    assert json.loads(found.stdout)["passes"] is False
    file.write_text(jwt[:-8] + "AAAAAAAA")
    done = cli.run("inspect", str(file), "--online")
    assert done.returncode == 1
    assert "refused: " in done.stdout


@pytest.mark.parametrize(
    "hostile",
    [
        "",
        "nonsense",
        "a.b.c",
        "..",
        ".".join([base64.urlsafe_b64encode(b"[" * 100_000).decode()] * 3),
        "\x00.\x1b[2J.x",
        ".".join(
            [base64.urlsafe_b64encode(b'{"exp": 1e999, "iat": [], "a": "\\u001b[2J"}').decode()] * 3
        ),
        "x" * 2_000_000,
    ],
)
def test_nothing_upsets_it(cli: CommandLine, hostile: str) -> None:
    done = cli.run("inspect", stdin=hostile)
    assert done.returncode in {1, 2}
    assert "Traceback" not in done.stderr
    assert "\x1b" not in done.stdout


def test_a_missing_file_is_said(cli: CommandLine, tmp_path: Path) -> None:
    done = cli.run("inspect", str(tmp_path / "none"))
    assert done.returncode == 2
    assert "cannot be read" in done.stderr
