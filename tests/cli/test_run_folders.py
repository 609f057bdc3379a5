"""Folders of runs: which are gone on with, which are removed, and what is told of them."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import time
from pathlib import Path

import pytest

from descope_async._files.locks import lock  # what another process would do
from descope_async.emulator import Fault
from descope_sync import DescopeClient
from descope_sync.emulator import Emulator

from .command_line import COMMAND, CommandLine


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    return tmp_path / "state" / "descope-keys" / "runs"


def _begin(cli: CommandLine, folder: Path) -> None:
    """Leave what a command leaves that is killed before it has a journal."""
    folder.mkdir(parents=True)
    project = cli.environment["DESCOPE_PROJECT_ID"]
    about = {"project": project, "operation": "create", "sinks": []}
    (folder / "run.json").write_text(json.dumps(about))


def test_a_run_that_was_ended_before_it_began_holds_nothing_up(
    cli: CommandLine, runs: Path
) -> None:
    for number in (1, 2):
        _begin(cli, runs / f"20260101-120000-create-{number}")
    with (runs / "20260101-120000-create-2" / "run.json").open("rb") as busy:
        lock(busy.fileno())
        resumed = cli.run("resume")
        assert resumed.returncode == 1
        assert "create-1 was ended before its first call: nothing was done" in resumed.stderr
        assert [each.name for each in runs.iterdir()] == ["20260101-120000-create-2"]
        assert cli.run("resume").returncode == 0
    assert cli.run("resume").returncode == 1
    assert not list(runs.iterdir())


def test_a_journal_without_its_beginning_is_told_of_and_removed(
    cli: CommandLine, runs: Path
) -> None:
    _begin(cli, runs / "20260101-120000-create-1")
    (runs / "20260101-120000-create-1" / "journal").touch()
    resumed = cli.run("resume")
    assert (resumed.returncode, "start it again" in resumed.stderr) == (1, True)
    assert not list(runs.iterdir())


def test_a_running_command_is_seen_from_another_container(
    cli: CommandLine, local: Emulator, admin: DescopeClient, runs: Path, tmp_path: Path
) -> None:
    script = tmp_path / "keep.sh"  # while it is checked, there is no journal yet
    script.write_text("#!/bin/sh\ncat > /dev/null; sleep 2\n")
    script.chmod(0o700)
    with subprocess.Popen(
        [*COMMAND, "create", "a", "--to", f"exec:{script}"],
        env=cli.variables(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    ) as process:
        deadline = time.monotonic() + 120
        while not list(runs.glob("*/run.json")) and time.monotonic() < deadline:
            time.sleep(0.01)
        assert "ended before" not in cli.run("resume").stderr
        _, said = process.communicate(timeout=120)
    assert process.returncode == 0, said
    assert local.requests.count("access_key.create") == 1
    assert len(admin.mgmt.access_key.search_all_access_keys()) == 1


def test_rescued_secrets_are_kept_whatever_becomes_of_the_journal(
    cli: CommandLine, runs: Path, tmp_path: Path
) -> None:
    folder = runs / "20260101-120000-create-1"
    _begin(cli, folder)
    (folder / "journal.rescue").mkdir()
    kept = folder / "journal.rescue" / "0-K2abc.json"
    kept.write_text("{}")
    for command in (("resume",), ("resume", folder.name), ("rescue", folder.name)):
        cli.run(*command)
        assert kept.exists()
    assert cli.run("rescue", folder.name, "--to", f"file:{tmp_path}/{{id}}").returncode != 0
    assert kept.exists()


def test_an_end_in_a_hurry_leaves_no_old_report(
    cli: CommandLine, local: Emulator, admin: DescopeClient, runs: Path, tmp_path: Path
) -> None:
    (tmp_path / "keys.yaml").write_text(
        f"sinks: file:{tmp_path}/keys/{{label}}.json\nkeys: {{a: {{}}, b: {{}}}}\n"
    )
    local.faults.add(Fault("status", "access_key.create", status=400, nth=2))
    done = cli.run("apply", str(tmp_path / "keys.yaml"), "--yes", "--rate", "none")
    assert done.returncode == 3, done.stderr
    (report,) = runs.glob("*/journal.report.jsonl")
    local.requests.clear()
    local.faults.add(Fault("delay", "access_key.create", seconds=30))
    with subprocess.Popen(
        [*COMMAND, "resume", "--rate", "none"],
        env=cli.variables(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        deadline = time.monotonic() + 120
        while not local.requests.count("access_key.create") and time.monotonic() < deadline:
            time.sleep(0.05)
        for number in (signal.SIGINT, signal.SIGTERM):  # a busy process may see the same one once
            process.send_signal(number)
        out, said = process.communicate(timeout=120)
    assert (process.returncode, out) == (130, ""), said
    assert not report.exists()
    local.faults.clear()
    for _ in range(2):
        done = cli.run("resume", "--rate", "none", "--settle-after", "1s")
        if not list(runs.iterdir()):
            break
    assert done.returncode == 0, done.stderr
    ids = json.loads((tmp_path / "keys.lock.json").read_text())["keys"]
    assert ids == {each.name: each.id for each in admin.mgmt.access_key.search_all_access_keys()}


def _without_space(cli: CommandLine, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end that can write to no file, as on a full disk."""
    script = 'ulimit -f 0; trap "" XFSZ; exec "$@"'
    return subprocess.run(
        ["/bin/sh", "-c", script, "sh", *COMMAND, *arguments],
        env=cli.variables(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_a_full_disk_holds_no_lock_up(cli: CommandLine, runs: Path) -> None:
    (runs.parent / "locks").mkdir(parents=True)
    done = _without_space(cli, "resume")
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


def test_a_full_disk_leaves_no_folder_of_a_run(
    cli: CommandLine, local: Emulator, runs: Path
) -> None:
    done = _without_space(cli, "create", "a", "--to", "env:KEY")
    assert (done.returncode, "cannot be made: File too large" in done.stderr) == (2, True)
    assert not list(runs.iterdir())
    assert not local.requests.count("access_key.create")


def test_all_folders_are_their_owner_s(cli: CommandLine, runs: Path, tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        assert cli.run("resume").returncode == 0
        assert cli.run("create", "a", "--to", f"jsonl:{tmp_path}/new/keys.jsonl").returncode == 0
    finally:
        os.umask(before)
    folders = [tmp_path / "state", *(each for each in (tmp_path / "state").rglob("*"))]
    made = [each for each in folders if each.is_dir()]
    assert runs in made
    assert {stat.S_IMODE(each.stat().st_mode) for each in made} == {0o700}
