"""What the Tab key offers, asked for as bash, zsh and fish ask."""

from __future__ import annotations

import json
import shutil
import stat
import subprocess
import time
from pathlib import Path

import pytest

from descope_async.emulator import Fault
from descope_sync import DescopeClient
from descope_sync.emulator import Emulator
from tests.cli.command_line import CommandLine


@pytest.fixture
def tab(cli: CommandLine, tmp_path: Path) -> CommandLine:
    return CommandLine({**cli.environment, "XDG_CACHE_HOME": str(tmp_path / "cache")})


def offered(tab: CommandLine, shell: str, line: str) -> str:
    """What a shell is told when somebody has typed a line."""
    done = tab.run(
        _DESCOPE_KEYS_COMPLETE=f"{shell}_complete",
        COMP_WORDS=line,
        COMP_CWORD=line.rpartition(" ")[2] if shell == "fish" else str(line.count(" ")),
    )
    assert done.stderr == ""
    return done.stdout.strip()


def offered_in_the_end(tab: CommandLine, shell: str, line: str, wanted: str) -> str:
    """The same, once more where a busy machine took longer than a person would wait."""
    for _ in range(20):
        if wanted in (shown := offered(tab, shell, line)):
            break
    return shown


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_ids_are_offered_with_their_names(
    tab: CommandLine, admin: DescopeClient, shell: str, tmp_path: Path
) -> None:
    made = [admin.mgmt.access_key.create(name).key.id for name in ("first", "second: two")]
    shown = offered_in_the_end(tab, shell, "descope-keys show ", made[0])
    assert all(key_id in shown for key_id in made)
    assert ("first (active)" in shown) == (shell != "bash")  # bash has no place for it
    shown = offered(tab, shell, f"descope-keys deactivate {made[0][:-1]}")
    assert (made[0] in shown, made[1] in shown) == (True, False)
    (cache,) = (tmp_path / "cache" / "descope-keys").iterdir()
    assert stat.S_IMODE(cache.stat().st_mode) == 0o600
    assert stat.S_IMODE(cache.parent.stat().st_mode) == 0o700


def test_an_answer_is_kept_for_a_while(
    tab: CommandLine, local: Emulator, admin: DescopeClient, tmp_path: Path
) -> None:
    key_id = admin.mgmt.access_key.create("first").key.id
    assert key_id in offered_in_the_end(tab, "bash", "descope-keys show ", key_id)
    local.requests.clear()
    assert key_id in offered(tab, "bash", "descope-keys rotate ")
    assert not local.requests.count("access_key.search")
    (cache,) = (tmp_path / "cache" / "descope-keys").iterdir()
    kept = json.loads(cache.read_text())
    cache.write_text(json.dumps({**kept, "time": kept["time"] - 3600}))
    local.faults.add(Fault("status", "access_key.search"))
    assert key_id in offered(tab, "fish", "descope-keys show ")  # an old answer is better than none
    assert local.requests.count("access_key.search") == 1
    cache.write_text("{")
    assert offered(tab, "bash", "descope-keys show ") == ""


def test_nobody_waits_for_a_slow_service(tab: CommandLine, local: Emulator) -> None:
    local.faults.add(Fault("delay", "access_key.search", seconds=30))
    started = time.monotonic()
    assert offered(tab, "bash", "descope-keys show ") == ""
    assert time.monotonic() - started < 25  # half a second, on a machine that is not busy
    assert local.requests.count("access_key.search") <= 1


@pytest.mark.parametrize(
    "environment",
    [
        {"DESCOPE_PROJECT_ID": ""},
        {"DESCOPE_MANAGEMENT_KEY": "K2wrong"},
        {"DESCOPE_BASE_URI": "http://127.0.0.1:9"},
        {"DESCOPE_BASE_URI": "nonsense"},
        {"XDG_CACHE_HOME": "/dev/null"},
    ],
)
def test_what_fails_is_silent(tab: CommandLine, environment: dict[str, str]) -> None:
    spoilt = CommandLine({**tab.environment, **environment})
    assert offered(spoilt, "bash", "descope-keys show K") == ""


def test_runs_and_profiles_are_offered(tab: CommandLine) -> None:
    run = Path(
        tab.environment["XDG_STATE_HOME"], "descope-keys", "runs", "20260101-120000-rotate-7"
    )
    run.mkdir(parents=True)
    (run / "run.json").write_text('{"project": "P1", "operation": "rotate", "sinks": []}')
    assert run.name in offered(tab, "zsh", "descope-keys resume ")
    file = Path(tab.environment["XDG_CONFIG_HOME"], "descope-keys", "profiles.toml")
    file.parent.mkdir(parents=True)
    file.touch(mode=0o600)
    file.write_text('[staging]\nproject_id = "P1"\n[production]\nproject_id = "P2"\n')
    assert offered(tab, "bash", "descope-keys --profile st") == "plain,staging"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_for_a_shell_is_one_that_it_reads(cli: CommandLine, shell: str) -> None:
    done = cli.run("completion", shell)
    assert (done.returncode, done.stderr) == (0, "")
    assert "_DESCOPE_KEYS_COMPLETE" in done.stdout
    if program := shutil.which(shell):
        option = "--no-execute" if shell == "fish" else "-n"
        subprocess.run([program, option], input=done.stdout, text=True, timeout=120, check=True)
