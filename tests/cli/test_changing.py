"""The commands that change keys, and those that go on with what was interrupted."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import time
from pathlib import Path

import pytest

from descope_async import Unauthorized
from descope_async.emulator import Fault
from descope_sync import DescopeClient
from descope_sync.emulator import Emulator
from tests.cli.command_line import COMMAND, CommandLine


@pytest.fixture
def sink(tmp_path: Path) -> str:
    return f"file:{tmp_path}/keys/{{id}}.json"


def secret(tmp_path: Path, key_id: str) -> str:
    found: str = json.loads((tmp_path / "keys" / f"{key_id}.json").read_text())["cleartext"]
    return found


def test_creates_with_everything_that_was_given(
    cli: CommandLine, admin: DescopeClient, sink: str, tmp_path: Path
) -> None:
    made = cli.run(
        *("create", "ci", "--to", sink, "--expires", "2033-05-18", "-q"),
        *("--role", "Reader", "--description", "night job", "--permitted-ip", "10.0.0.0/8"),
        *("--claim", "team=build", "--claim", "level=3"),
    )
    assert made.returncode == 0, made.stderr
    key_id = made.stdout.strip()
    key = admin.mgmt.access_key.load(key_id)
    assert (key.name, key.expire_time, key.role_names) == ("ci", 1_999_987_200, ("Reader",))
    assert key.custom_claims == {"team": "build", "level": 3}
    assert key.permitted_ips == ("10.0.0.0/8",)
    assert key.description.startswith("night job")
    file = tmp_path / "keys" / f"{key_id}.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert secret(tmp_path, key_id) not in made.stdout + made.stderr


def test_a_secret_is_shown_only_when_that_was_asked_for(
    cli: CommandLine, admin: DescopeClient
) -> None:
    done = cli.run("create", "ci")
    assert done.returncode == 2
    assert "--to" in done.stderr
    assert admin.mgmt.access_key.search_all_access_keys() == []
    assert cli.run("create", "ci", "--reveal", CI="true").returncode == 2
    assert admin.mgmt.access_key.search_all_access_keys() == []
    done = cli.run("create", "ci", "--reveal")
    assert admin.exchange_access_key(done.stdout.strip()).key_id in done.stderr


def test_a_change_needs_consent(cli: CommandLine, local: Emulator, admin: DescopeClient) -> None:
    keys = [admin.mgmt.access_key.create(name).key.id for name in ("a", "b")]
    local.requests.clear()
    plan = cli.run("deactivate", *keys, "--dry-run")
    assert plan.returncode == 0
    assert f"deactivate 2 access keys of project {local.project_id} at" in plan.stderr
    assert all(key_id in plan.stderr for key_id in keys)
    assert cli.run("deactivate", *keys).returncode == 2
    assert cli.run("deactivate", *keys, "--yes", "--max-changes", "1").returncode == 2
    dry = cli.run("deactivate", *keys, "--dry-run", "--max-changes", "1")
    assert (dry.returncode, "so this would be refused" in dry.stderr) == (0, True), dry.stderr
    assert cli.run("deactivate", *keys, "K2none", "--yes").returncode == 2
    code, screen = cli.on_terminal("deactivate", *keys, typed="yes\n")
    assert (code, "nothing was changed" in screen) == (2, True)
    assert {each.operation for each in local.requests} <= {"access_key.search", "license"}
    code, screen = cli.on_terminal("deactivate", *keys, typed=f"{local.project_id} 2\n")
    assert code == 0, screen
    assert not any(key.is_active for key in admin.mgmt.access_key.search_all_access_keys())
    assert cli.run("activate", "-", "--yes", stdin="\n".join(keys)).returncode == 0
    assert all(key.is_active for key in admin.mgmt.access_key.search_all_access_keys())
    assert cli.run("delete", keys[0], "--yes").returncode == 0
    assert [key.id for key in admin.mgmt.access_key.search_all_access_keys()] == [keys[1]]


def test_updates_what_is_named_and_keeps_the_rest(cli: CommandLine, admin: DescopeClient) -> None:
    made = admin.mgmt.access_key.create("a", role_names=["Reader"], description="old")
    done = cli.run("update", made.key.id, "--description", "new", "--clear", "roles", "--yes")
    assert done.returncode == 0, done.stderr
    key = admin.mgmt.access_key.load(made.key.id)
    assert (key.name, key.description, key.role_names) == ("a", "new", ())
    assert cli.run("update", made.key.id, "--yes").returncode == 2
    assert cli.run("update", made.key.id, "--clear", "name", "--yes").returncode == 2


def test_rotates_and_replaces(
    cli: CommandLine, admin: DescopeClient, sink: str, tmp_path: Path
) -> None:
    made = admin.mgmt.access_key.create("a", role_names=["Reader"])
    assert cli.run("rotate", made.key.id, "--to", sink, "--yes").returncode == 0
    assert admin.exchange_access_key(secret(tmp_path, made.key.id)).key_id == made.key.id
    done = cli.run(
        *("replace", made.key.id, "--expires", "90d", "--to", sink, "--yes", "-q"),
        *("--grace", "0s", "--delete-after", "0s"),
    )
    assert done.returncode == 0, done.stderr
    for _ in range(3):  # each takes a step that is due
        if not cli.run("journal").stdout:
            break
        done = cli.run("resume", "-q")
        assert done.returncode == 0, done.stderr
    (left,) = admin.mgmt.access_key.search_all_access_keys()
    assert left.id != made.key.id
    assert (left.name, left.role_names, bool(left.expire_time)) == ("a", ("Reader",), True)
    proved = cli.run("verify", f"file:{tmp_path}/keys/{left.id}.json")
    assert (proved.returncode, proved.stdout.split()[1:]) == (0, ["works", left.id])
    assert cli.run("verify", f"file:{tmp_path}/keys/none.json").returncode == 1


def test_a_run_that_was_killed_goes_on(
    cli: CommandLine, local: Emulator, admin: DescopeClient, sink: str, tmp_path: Path
) -> None:
    rows = "name,label\n" + "".join(f"machine,{number}\n" for number in range(30))
    (tmp_path / "machines.csv").write_text(rows)
    command = ["provision", str(tmp_path / "machines.csv"), "--to", sink, "--yes", "--rate", "5"]
    with subprocess.Popen(
        [*COMMAND, *command],
        env=cli.variables(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        deadline = time.monotonic() + 120
        while local.requests.count("access_key.create") < 5 and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(signal.SIGKILL)
    (name, operation, where) = cli.run("journal").stdout.strip().split("\t")
    made = local.requests.count("access_key.create")
    again = cli.run(*command, "--dry-run"), cli.run(*command), cli.run("create", "7", "--to", sink)
    for done in again:
        assert (done.returncode, done.stdout) == (3, "")
        assert f"Go on with it: descope-keys resume {name}" in done.stderr
    assert local.requests.count("access_key.create") == made
    shown = cli.run("journal", name)  # also of a run that had no time for a report
    assert (shown.returncode, len(shown.stdout.splitlines())) == (0, 30)
    assert (operation, where) == ("create", sink)
    done = cli.run("resume", name, "--rate", "none", "--settle-after", "1s")
    assert done.returncode == 0, done.stderr
    keys = admin.mgmt.access_key.search_all_access_keys()
    assert len(keys) == 30
    for key in keys:
        assert admin.exchange_access_key(secret(tmp_path, key.id)).key_id == key.id
    assert cli.run("journal").stdout == ""


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 143)]
)
def test_signals_end_a_run_in_good_order(
    cli: CommandLine,
    local: Emulator,
    admin: DescopeClient,
    sink: str,
    tmp_path: Path,
    number: signal.Signals,
    code: int,
) -> None:
    rows = "name,label\n" + "".join(f"machine,{number}\n" for number in range(200))
    (tmp_path / "machines.csv").write_text(rows)
    command = ["provision", str(tmp_path / "machines.csv"), "--to", sink, "--yes", "--rate", "10"]
    with subprocess.Popen(
        [*COMMAND, *command, "--max-changes", "200"],
        env=cli.variables(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        deadline = time.monotonic() + 120
        while local.requests.count("access_key.create") < 3 and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(number)
        _, said = process.communicate(timeout=120)
    assert process.returncode == code, said
    assert "descope-keys resume" in said
    assert "Traceback" not in said
    for key in admin.mgmt.access_key.search_all_access_keys():
        assert admin.exchange_access_key(secret(tmp_path, key.id)).key_id == key.id


def test_a_sink_that_fails_keeps_the_secret_for_a_rescue(
    cli: CommandLine, admin: DescopeClient, tmp_path: Path
) -> None:
    made = admin.mgmt.access_key.create("a")
    flag = tmp_path / "broken"
    flag.touch()
    script = tmp_path / "keep.sh"
    script.write_text(f"#!/bin/sh\ntest ! -e {flag} && cat > {tmp_path}/stored\n")
    script.chmod(0o700)
    done = cli.run("rotate", made.key.id, "--to", f"exec:{script}", "--yes")
    assert done.returncode == 6, done.stderr
    name = cli.run("journal").stdout.split("\t")[0]
    flag.unlink()
    done = cli.run("rescue", name)
    assert done.returncode == 0, done.stderr
    kept = (tmp_path / "stored").read_text()
    assert admin.exchange_access_key(kept).key_id == made.key.id


def test_an_unknown_outcome_and_a_refused_key_have_their_codes(
    cli: CommandLine, local: Emulator, admin: DescopeClient, sink: str
) -> None:
    made = admin.mgmt.access_key.create("a")
    done = cli.run("rotate", made.key.id, "--to", sink, "--yes", DESCOPE_MANAGEMENT_KEY="K2wrong")
    assert done.returncode == 4
    # A key that was revoked meanwhile is refused in the same way, by a new run and by one that goes on.
    local.faults.add(Fault("status", "access_key.create", status=400))
    assert cli.run("create", "b", "--to", sink).returncode == 3
    local.faults.clear()
    run = cli.run("journal").stdout.split("\t")[0]
    for command in (["create", "c", "--to", sink], ["resume"], ["resume", run]):
        done = cli.run(*command, DESCOPE_MANAGEMENT_KEY="K2wrong")
        assert done.returncode == 4, done.stderr
        assert "may not read access keys" in done.stderr
    assert "(request " not in done.stderr
    assert "descope-keys doctor says more" in done.stderr
    local.faults.add(Fault("status", "access_key.create", commit=True, status=502))
    done = cli.run("create", "lost", "--reveal")
    assert done.returncode == 5
    assert "look for one" in done.stderr


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"label\na\n", "no column 'name'"),
        (b"name,colour\na,red\n", "unknown columns: colour"),
        (b"name,name\na,b\n", "names a column twice"),
        (b"name,expires\na,soon\n", "line 2: 'soon' is neither"),
        (b"name,tenants\na,:x\n", "line 2"),
        (b"name,claims\na,[1]\n", "claims must be a JSON object"),
        (b"name,label\na\n", "more or fewer cells"),
        (b"name\n\xff\xfe\n", "neither UTF-8 nor UTF-16"),
        (b"", "no column 'name'"),
        (b'name\n"never closed\nb\n', "unexpected end of data"),
        (b"name,permitted_ips\n\na,10.0.0.1\nb,localhost\n", "line 4: permitted_ips[0]"),
        (b"name,expires\na,2020-01-01\n", "line 2: '2020-01-01' is over already"),
        (b"name\na\x07b\n", "line 2: name holds a control character"),
        (b"name\n" + b"x" * 200_000 + b"\n", "line 2: field larger than field limit"),
    ],
)
def test_a_csv_file_that_cannot_be_meant_is_said(
    cli: CommandLine, tmp_path: Path, sink: str, data: bytes, said: str
) -> None:
    (tmp_path / "k.csv").write_bytes(data)
    done = cli.run("provision", str(tmp_path / "k.csv"), "--to", sink, "--yes")
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_csv_files_as_spreadsheets_write_them(
    cli: CommandLine, tmp_path: Path, sink: str, encoding: str, mark: str
) -> None:
    text = f"Name{mark}Roles\r\nMüller{mark}Reader|Tenant Admin\r\n\r\n"
    (tmp_path / "k.csv").write_bytes(text.encode(encoding))
    done = cli.run("provision", str(tmp_path / "k.csv"), "--to", sink, "--dry-run")
    assert done.returncode == 0, done.stderr
    assert "Müller  expires never  Reader, Tenant Admin" in done.stderr


def test_a_key_that_a_run_replaces_is_left_out(
    cli: CommandLine, admin: DescopeClient, sink: str
) -> None:
    one, two = (admin.mgmt.access_key.create(name).key.id for name in ("a", "b"))
    command = ["replace", "--expires", "90d", "--to", sink, "--yes", "--rate", "none"]
    assert cli.run(*command, one).returncode == 0
    done = cli.run(*command, one, two)
    assert done.returncode == 0, done.stderr
    assert f"{one} is left out" in done.stderr
    assert len(admin.mgmt.access_key.search_all_access_keys()) == 4  # each has one successor
    overlapping = cli.run("rotate", one, "--to", sink, "--yes", "--grace", "1d")
    assert (overlapping.returncode, f"{one} is left out" in overlapping.stderr) == (0, True)
    assert admin.mgmt.access_key.load(one).is_active


def test_an_urgent_rotation_is_not_done_by_a_successor(
    cli: CommandLine, admin: DescopeClient, sink: str
) -> None:
    made = admin.mgmt.access_key.create("a")
    one = made.key.id
    assert cli.run("rotate", one, "--to", sink, "--yes", "--grace", "1d").returncode == 0
    for option in ("--yes", "--dry-run"):
        done = cli.run("rotate", one, "--to", sink, option)
        assert done.returncode == 3
        assert f"{one} is not rotated, and its secret still works" in done.stderr
    assert admin.exchange_access_key(made.cleartext).key_id == one
    advice = done.stderr.strip().rpartition("descope-keys ")[2]
    assert cli.run(*advice.split(), "--yes").returncode == 0
    with pytest.raises(Unauthorized):
        admin.exchange_access_key(made.cleartext)
    assert cli.run("resume", "--rate", "none").returncode == 0  # the run bears that


def test_a_report_that_cannot_be_written_is_named_and_made_up_for(
    cli: CommandLine, admin: DescopeClient, tmp_path: Path
) -> None:
    runs = tmp_path / "state" / "descope-keys" / "runs"
    script = tmp_path / "keep.sh"
    script.write_text(
        f"#!/bin/sh\ncat > /dev/null; cd {runs}/* && mkdir .journal.report.jsonl.draft\n"
    )
    script.chmod(0o700)
    done = cli.run("create", "a", "--to", f"exec:{script}")
    assert done.returncode == 3, done.stderr
    (run,) = runs.iterdir()
    assert f"the report {run}/journal.report.jsonl cannot be written: Is a direc" in done.stderr
    assert f"1 of 1 done; go on with: descope-keys resume {run.name}" in done.stderr
    (run / ".journal.report.jsonl.draft").rmdir()
    done = cli.run("resume", "-q")
    (key,) = admin.mgmt.access_key.search_all_access_keys()
    assert (done.returncode, done.stdout) == (0, f"{key.id}\n")
    assert not run.exists()


def test_a_dry_run_examines_the_sink(
    cli: CommandLine, admin: DescopeClient, sink: str, tmp_path: Path
) -> None:
    one, two = (admin.mgmt.access_key.create(name).key.id for name in ("a", "b"))
    (tmp_path / "two.csv").write_text("name,label\nc,1\nd,2\n")
    (tmp_path / "taken").mkdir(mode=0o700)
    (tmp_path / "taken" / "2").write_text("something")
    provision = ("provision", str(tmp_path / "two.csv"))
    rotate, replace = ("rotate", one, two), ("replace", one, two, "--expires", "90d")
    shared = f"file:{tmp_path}/keys/all.json"
    for command, to, said in (
        (provision, shared, "would share the place"),
        (provision, "exec:no-such-program-here", "there is no program"),
        (provision, "nowhere:{id}", "names no store"),
        (provision, f"file:{tmp_path}/taken/{{label}}", "there is something already"),
        (("create", "c"), "exec:no-such-program-here", "there is no program"),
        (rotate, shared, "would share the place"),
        (replace, shared, "would share the place"),
    ):
        tried = cli.run(*command, "--to", to, "--dry-run")
        assert (tried.returncode, said in tried.stderr) == (2, True), tried.stderr
        consent = () if command[0] == "create" else ("--yes",)
        done = cli.run(*command, "--to", to, *consent)
        assert done.returncode == 2
        assert done.stderr.endswith(tried.stderr.splitlines()[-1] + "\n")
    for command in (provision, rotate, replace, ("create", "c")):
        assert cli.run(*command, "--to", sink, "--dry-run").returncode == 0
    for store in ("file:{}/{{id}}.json", "jsonl:{}/keys.jsonl", "dotenv:{}/.env#{{id}}"):
        there = {str(each) for each in tmp_path.rglob("*")}
        to = store.format(tmp_path / "new" / "deep")
        done = cli.run("create", "c", "--to", to, "--dry-run")
        assert (done.returncode, {str(each) for each in tmp_path.rglob("*")}) == (0, there)
    assert len(admin.mgmt.access_key.search_all_access_keys()) == 2
    assert not (tmp_path / "keys").exists()
    assert cli.run("journal").stdout == ""


def test_arguments_are_checked_before_anything_is_done(
    cli: CommandLine, local: Emulator, tmp_path: Path
) -> None:
    to = ("--to", f"file:{tmp_path}/{{id}}.json", "--yes")
    (tmp_path / "keys.yaml").write_text("keys: {a: {}}\n")
    local.requests.clear()
    for command, said in (
        (["apply", str(tmp_path / "keys.yaml"), "--rate", "fast"], "the rate is"),
        (["resume", "--rate", "fast"], "the rate is"),
        (["resume", "--settle-after", "soon"], "'soon' is not a length of time"),
        (["resume", "--confirm", "a", "--give-up", "b"], "two runs of this command"),
        (["rotate", "K2abc", "--rate", "fast", *to], "the rate is"),
        (["rotate", "K2abc", "--delete-after", "soon", *to], "'soon' is not a length of time"),
        (["replace", "K2abc", "--expires", "1d", "--rate", "fast", *to], "the rate is"),
        (["apply", str(tmp_path / "keys.yaml"), "--rate", "0"], "--rate must be from 0.01"),
        (["rotate", "K2abc", "--rate", "nan", *to], "--rate must be from 0.01"),
        (["rotate", "K2abc", "--grace", "", *to], "'' is not a length of time"),
        (["rotate", "K2abc", "--grace", "60w", *to], "--grace must be from 0 to 31622400 seconds"),
        (["replace", "K2abc", "--expires", "1d", "--delete-after", "60w", *to], "--delete-after"),
        (["resume", "--settle-after", "2h"], "--settle-after must be from 0 to 3600 seconds"),
    ):
        done = cli.run(*command)
        assert (done.returncode, said in done.stderr) == (2, True), done.stderr
    assert not list(local.requests)
    assert not Path(cli.environment["XDG_STATE_HOME"]).exists()


@pytest.mark.parametrize("closed", ["stdout", "both"])
def test_a_closed_pipe_keeps_the_exit_code(
    cli: CommandLine, local: Emulator, tmp_path: Path, closed: str
) -> None:
    (tmp_path / "two.csv").write_text("name\na\nb\n")
    local.faults.add(Fault("status", "access_key.create", status=400, nth=2))
    reader, writer = os.pipe()
    os.close(reader)
    command = ["provision", str(tmp_path / "two.csv"), "--to", f"file:{tmp_path}/keys/{{label}}"]
    done = subprocess.run(
        [*COMMAND, *command, "--yes"],
        stdout=writer,
        stderr=writer if closed == "both" else subprocess.PIPE,
        env=cli.variables(),
        timeout=120,
        check=False,
    )
    os.close(writer)
    assert done.returncode == 3
    assert closed == "both" or b"go on with: descope-keys resume" in done.stderr


def test_a_full_disk_behind_stdout_keeps_the_run(
    cli: CommandLine, admin: DescopeClient, sink: str
) -> None:
    done = cli.on_full_disk("create", "a", "--to", sink)
    assert done.returncode == 1
    assert "stdout cannot be written: No space left on device" in done.stderr
    (key,) = admin.mgmt.access_key.search_all_access_keys()
    assert cli.run("resume", "-q").stdout == f"{key.id}\n"


def test_what_a_sink_printed_is_said_once_and_on_one_line(
    cli: CommandLine, admin: DescopeClient, tmp_path: Path
) -> None:
    made = admin.mgmt.access_key.create("a")
    script = tmp_path / "fail.sh"
    script.write_text("#!/bin/sh\nprintf 'the vault\\nis sealed\\n' >&2; exit 1\n")
    script.chmod(0o700)
    done = cli.run("rotate", made.key.id, "--to", f"exec:{script}", "--yes")
    assert done.returncode == 6
    assert done.stderr.count("is sealed") == 1
    assert "status 1: the vault is sealed; the secret is in" in done.stderr


def test_a_run_goes_on_from_another_folder(
    cli: CommandLine,
    local: Emulator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    Path("two.csv").write_text("name\na\nb\n")
    local.faults.add(Fault("status", "access_key.create", status=400, nth=2))
    done = cli.run("provision", "two.csv", "--to", "file:keys/{label}.json", "--yes")
    assert done.returncode == 3
    local.faults.clear()
    monkeypatch.chdir(tmp_path)
    assert cli.run("resume").returncode == 0
    assert {each.name for each in (tmp_path / "here" / "keys").iterdir()} == {"a.json", "b.json"}
    assert not (tmp_path / "keys").exists()


@pytest.mark.parametrize(
    ("by", "code", "said"),
    [
        (signal.SIGINT, 130, "interrupted"),
        (signal.SIGTERM, 143, "ended by SIGTERM"),
        (signal.SIGHUP, 143, "ended by SIGHUP"),
    ],
)
def test_a_signal_ends_a_question(
    cli: CommandLine, admin: DescopeClient, by: signal.Signals, code: int, said: str
) -> None:
    key_id = admin.mgmt.access_key.create("a").key.id
    ended, screen = cli.on_terminal("delete", key_id, interrupted_at="to go on", by=by)
    assert (ended, said in screen) == (code, True)
    assert admin.mgmt.access_key.load(key_id).is_active


def test_a_key_that_would_be_expired_is_not_made(
    cli: CommandLine, admin: DescopeClient, sink: str
) -> None:
    # The service takes 0, the epoch's first second, for never.
    for over in ("2020-01-01", "1970-01-01", "1970-01-01T01:00+01:00", "1969-12-31"):
        done = cli.run("create", "a", "--expires", over, "--to", sink)
        assert (done.returncode, "is over already" in done.stderr) == (2, True)
    done = cli.run("create", "", "--to", sink)
    assert (done.returncode, done.stderr) == (2, "descope-keys: name is empty\n")
    assert admin.mgmt.access_key.search_all_access_keys() == []


def test_a_run_that_cannot_go_on_holds_up_no_other(
    cli: CommandLine, local: Emulator, admin: DescopeClient, sink: str, tmp_path: Path
) -> None:
    local.faults.add(Fault("status", "access_key.create", status=400))
    command = ["provision", str(tmp_path / "keys.csv"), "--yes", "--rate", "none"]
    for name in ("one", "two"):
        (tmp_path / "keys.csv").write_text(f"name\n{name}-a\n{name}-b\n")
        assert cli.run(*command, "--to", f"file:{tmp_path}/{name}/{{label}}").returncode == 3
    local.faults.clear()
    runs = tmp_path / "state" / "descope-keys" / "runs"
    first, second = sorted(runs.iterdir())
    about = json.loads((first / "run.json").read_text())
    (first / "run.json").write_text(json.dumps({**about, "sinks": ["nowhere:x"]}))
    done = cli.run("resume", "--rate", "none")
    assert (done.returncode, f"{first.name}: 'nowhere:' names no store" in done.stderr) == (
        2,
        True,
    )
    assert not second.exists()
    # A command that cannot begin leaves no run behind.
    assert cli.run("create", "a", "--to", "nowhere:{id}").returncode == 2
    assert list(runs.iterdir()) == [first]
    assert sink not in cli.run("journal").stdout
    assert len(admin.mgmt.access_key.search_all_access_keys()) == 2


def test_a_secret_that_nobody_could_read_is_said_to_be_lost(
    cli: CommandLine, admin: DescopeClient
) -> None:
    done = cli.on_full_disk("create", "a", "--reveal")
    (key,) = admin.mgmt.access_key.search_all_access_keys()
    assert done.returncode == 1
    assert "is lost" in done.stderr
    assert f"descope-keys rotate {key.id} --to" in done.stderr


def test_a_key_that_another_run_did_not_finish_is_not_rotated(
    cli: CommandLine, admin: DescopeClient, sink: str
) -> None:
    made = admin.mgmt.access_key.create("a", role_names=["Reader"])
    done = cli.run("rotate", made.key.id, "--to", "exec:false", "--yes")
    assert done.returncode == 6
    run = cli.run("journal").stdout.split()[0]
    assert f"descope-keys rescue {run} --to SINK" in done.stderr
    assert "ended with status 1;" in done.stderr
    done = cli.run("rotate", made.key.id, "--to", sink, "--yes")
    assert done.returncode == 3
    assert f"descope-keys resume {run}" in done.stderr
    assert cli.run("rescue", run, "--to", sink).returncode == 0
    assert cli.run("rotate", made.key.id, "--to", sink, "--yes").returncode == 0


@pytest.mark.parametrize("to", ["nowhere:{id}", "file:", "file:k?colour=red"])
def test_what_is_no_sink_is_refused_before_anybody_is_asked(
    cli: CommandLine, admin: DescopeClient, tmp_path: Path, to: str
) -> None:
    key_id = admin.mgmt.access_key.create("a").key.id
    (tmp_path / "k.csv").write_text("name\nb\n")
    for command in (("provision", str(tmp_path / "k.csv")), ("rotate", key_id)):
        done = cli.run(*command, "--to", to)
        assert (done.returncode, key_id in done.stderr) == (2, False)
        assert len(done.stderr.splitlines()) == 1, done.stderr


def test_two_processes_do_not_make_the_same_keys_at_the_same_time(
    cli: CommandLine, admin: DescopeClient, sink: str, tmp_path: Path
) -> None:
    (tmp_path / "keys.csv").write_text("name\n" + "".join(f"m-{n}\n" for n in range(30)))

    def ends(*command: str) -> list[int]:
        common = ("--to", sink, "--yes", "--rate", "20")
        processes = [
            subprocess.Popen(
                [*COMMAND, *command, *common],
                env=cli.variables(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
            )
            for _ in range(3)
        ]
        said = [process.communicate(timeout=120)[1] for process in processes]
        codes = [process.returncode for process in processes]
        assert not any("Traceback" in text for text in said)
        return codes

    codes = ends("provision", str(tmp_path / "keys.csv"))
    keys = admin.mgmt.access_key.search_all_access_keys()
    assert len(keys) == 30 * codes.count(0)
    assert set(codes) <= {0, 7}
    assert codes.count(0) < 2  # where all begin at the same moment, all may be refused

    made = admin.mgmt.access_key.create("to be replaced").key
    codes = ends("replace", made.id, "--expires", "2033-01-01")
    assert set(codes) <= {0, 7}  # one that comes later finds that the key has its successor
    left = admin.mgmt.access_key.search_all_access_keys()
    assert len(left) - len(keys) in (1, 2)
