"""The scripts of the page about jobs, run by a shell as they stand there."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from descope_sync import DescopeClient
from descope_sync.emulator import Emulator, Fault
from tests.docs.pages import ROOT, blocks

pytestmark = pytest.mark.timeout(400)  # commands start anew, and may share the machine
PAGE = "docs/how-to/command-line-jobs.md"
DAY = 86_400


def scripts(section: str) -> list[str]:
    """The shell scripts below a heading, in order."""
    lines = (ROOT / PAGE).read_text(encoding="utf-8").splitlines()
    first = lines.index(f"## {section}")
    later = (number for number in range(first + 1, len(lines)) if lines[number].startswith("## "))
    last = next(later, len(lines))
    return [script for line, script in blocks(PAGE, "sh") if first < line <= last]


class Shell:
    """A shell in which ``descope-keys`` is installed, in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        bin_folder = folder / "bin"
        bin_folder.mkdir()
        program = bin_folder / "descope-keys"
        program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m descope_async.cli "$@"\n')
        program.chmod(0o700)
        self.environment = {
            **os.environ,
            "PATH": f"{bin_folder}:{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "XDG_STATE_HOME": str(folder / "state"),
            "CI": "true",
        }

    def run(self, script: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["/bin/sh", "-eu", "-c", script],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
            stdin=subprocess.DEVNULL,
        )

    def succeed(self, script: str) -> str:
        done = self.run(script)
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture
def shell(emulator: Emulator, tmp_path: Path) -> Shell:
    assert emulator.base_url
    return Shell(tmp_path)


def secret(shell: Shell, name: str, folder: str = "secrets") -> str:
    found: str = json.loads((shell.folder / folder / f"{name}.json").read_text())["cleartext"]
    return found


def test_a_weekly_audit_writes_sarif(shell: Shell) -> None:
    with DescopeClient() as client:
        client.mgmt.access_key.create("doubtful")
    ((_, workflow),) = blocks(PAGE, "yaml")
    (command,) = re.findall(r"- run: (descope-keys .*)", workflow)
    shell.succeed(command)
    found = json.loads((shell.folder / "audit.sarif").read_text())
    assert found["version"] == "2.1.0"
    assert found["runs"][0]["results"]
    (strict,) = scripts("Audit every week in CI")
    assert shell.run(strict).returncode == 20
    with DescopeClient() as client:
        for key in client.mgmt.access_key.search_all_access_keys():
            client.mgmt.access_key.delete(key.id)
    assert shell.run(strict).returncode == 0


def test_a_pipeline_fails_when_a_key_was_changed(shell: Shell) -> None:
    adopt, check, plan = scripts("Fail a pipeline when somebody changed a key by hand")
    with DescopeClient() as client:
        keys = client.mgmt.access_key
        made = keys.create("billing", description="night job").key
        shell.succeed(adopt)
        shell.succeed(check)
        keys.update(made.id, "billing", description="by hand")
        assert shell.run(check).returncode == 20
        shell.succeed(plan)
        assert keys.load(made.id).description == "night job"
        shell.succeed(check)
        before, after = plan.strip().splitlines()
        keys.update(made.id, "billing", description="by hand")
        shell.succeed(before)
        keys.update(made.id, "billing", description="by hand, again")
        assert shell.run(after).returncode == 8


def test_machines_get_keys_from_a_csv(shell: Shell) -> None:
    (csv,) = [text for _, text in blocks(PAGE, "text") if text.startswith("name,")]
    (shell.folder / "machines.csv").write_text(csv)
    (script,) = scripts("Provision from a CSV")
    shell.succeed(script)
    with DescopeClient() as client:
        names = {key.name: key for key in client.mgmt.access_key.search_all_access_keys()}
        assert set(names) == {"Web 1", "Web 2", "Database"}
        assert names["Web 1"].permitted_ips == ("10.0.0.0/8",)
        session = client.exchange_access_key(secret(shell, "db-1"))
        assert session.key_id == names["Database"].id


def test_expiring_keys_are_replaced_from_cron(shell: Shell, emulator: Emulator) -> None:
    (script,) = scripts("Replace what expires soon, from cron")
    crontab = next(text for _, text in blocks(PAGE, "text") if "* *" in text)
    for line in crontab.splitlines():
        assert re.fullmatch(r"(\S+ ){4}\S+  descope-keys .+", line)
    shell.succeed(script)  # nothing expires
    with DescopeClient() as client:
        keys = client.mgmt.access_key
        old = keys.create("nightly", emulator.clock.stamp() + 9 * DAY).key
        shell.succeed(script)
        shell.succeed(script)  # once more: it has its successor
        (new,) = [key for key in keys.search_all_access_keys() if key.id != old.id]
        assert new.expire_time > old.expire_time + 60 * DAY
        assert client.exchange_access_key(secret(shell, "nightly")).key_id == new.id
        assert keys.load(old.id).is_active


def test_a_run_is_taken_up_after_a_crash(shell: Shell, emulator: Emulator) -> None:
    recover, rescue, give_up, prove = scripts("Recover after a crash")
    rows = "name,label\n" + "".join(f"machine,web-{number}\n" for number in range(12))
    (shell.folder / "machines.csv").write_text(rows)
    command = (
        "exec descope-keys provision machines.csv --to 'file:secrets/{label}.json' --yes --rate 5"
    )
    with subprocess.Popen(
        ["/bin/sh", "-c", command],
        cwd=shell.folder,
        env=shell.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        deadline = time.monotonic() + 120
        while emulator.requests.count("access_key.create") < 4 and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(signal.SIGKILL)
    shell.succeed(f"descope-keys journal\n{recover.splitlines()[1]} --settle-after 1s --rate none")
    shell.succeed(prove)
    with DescopeClient() as client:
        assert len(client.mgmt.access_key.search_all_access_keys()) == 12
        made = client.mgmt.access_key.create("rescued").key
        flag = shell.folder / "broken"
        flag.touch()
        (shell.folder / "keep.sh").write_text("#!/bin/sh\ntest ! -e broken && cat > stored\n")
        (shell.folder / "keep.sh").chmod(0o700)
        done = shell.run(f"descope-keys rotate {made.id} --to 'exec:{shell.folder}/keep.sh' --yes")
        assert done.returncode == 6, done.stderr
        shell.succeed(rescue)
        session = client.exchange_access_key(secret(shell, made.id, "elsewhere"))
        assert session.key_id == made.id
        (shell.folder / "two.csv").write_text("name,label\na,web-1\nb,web-2\n")
        emulator.faults.add(Fault("status", "access_key.create", status=400))
        failing = "descope-keys provision two.csv --to 'file:two/{label}.json' --yes --rate none"
        assert shell.run(failing).returncode == 3
        emulator.faults.clear()
        shell.succeed(f"{give_up.strip()} --give-up web-1")
        assert shell.succeed("descope-keys journal") == ""
