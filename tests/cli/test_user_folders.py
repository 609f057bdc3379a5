"""The folders of a user: the home folder that a path begins with, and users without one, as in containers."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.cli.command_line import CommandLine

NOWHERE = {"XDG_STATE_HOME": "", "XDG_CONFIG_HOME": "", "XDG_CACHE_HOME": ""}


@pytest.fixture
def homeless(cli: CommandLine, monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    """A user of whom the system knows nothing but a number."""
    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.setattr(os, "getuid", lambda: 54_321)
    return cli


def test_what_needs_no_folder_works(homeless: CommandLine) -> None:
    for command in (["list"], ["doctor", "--exit-code"], ["create", "one", "--reveal"]):
        done = homeless.run(*command, **NOWHERE)
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("command", [["resume"], ["--profile", "staging", "list"]])
def test_what_needs_one_says_so(homeless: CommandLine, command: list[str]) -> None:
    done = homeless.run(*command, **NOWHERE)
    assert done.returncode == 2
    assert "this user has no home folder: set HOME, or XDG_" in done.stderr


def test_a_run_over_many_keys(homeless: CommandLine, tmp_path: Path) -> None:
    rows = tmp_path / "keys.csv"
    rows.write_text("name\none\ntwo\n")
    (tmp_path / "kept").mkdir(mode=0o700)
    command = ["provision", str(rows), "--to", f"file:{tmp_path}/kept/{{label}}", "--yes"]
    done = homeless.run(*command, **NOWHERE)
    assert done.returncode == 2
    assert "set HOME, or XDG_STATE_HOME" in done.stderr
    done = homeless.run(*command, **{**NOWHERE, "XDG_STATE_HOME": str(tmp_path / "state")})
    assert done.returncode == 0, done.stderr
    (tmp_path / "file").write_text("")
    done = homeless.run(*command, **{**NOWHERE, "XDG_STATE_HOME": str(tmp_path / "file")})
    assert done.returncode == 2
    assert "cannot be" in done.stderr


def test_a_path_may_begin_with_the_home_folder(
    cli: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, work = tmp_path / "home", tmp_path / "work"
    for folder in (home, work, home / "kept"):
        folder.mkdir(mode=0o700)
    monkeypatch.chdir(work)
    (home / "keys.csv").write_text("name\none\n", encoding="utf-8")
    user = {"HOME": str(home), "XDG_STATE_HOME": "~/state"}
    # No shell expands what stands after a colon or an equals sign.
    done = cli.run("provision", "~/keys.csv", "--to", "file:~/kept/{label}", "--yes", **user)
    assert done.returncode == 0, done.stderr
    assert (home / "kept/one").is_file()
    assert (home / "state/descope-keys").is_dir()
    (home / "keys.yaml").write_text("version: 1\nkeys: {}\n", encoding="utf-8")
    done = cli.run("plan", "~/keys.yaml", "--output=~/plan.json", **user)
    assert done.returncode == 0, done.stderr
    assert (home / "plan.json").is_file()
    assert list(work.iterdir()) == []
    done = cli.run("provision", "~nobody-of-this-name/keys.csv", "--to", "file:x", **user)
    assert done.returncode == 2
    assert "no such home folder" in done.stderr
