"""``plan``, ``apply``, ``drift`` and ``import``: keys as a manifest describes them."""

from __future__ import annotations

import json
import shlex
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from descope_async.emulator import Fault
from descope_sync import AccessKey, DescopeClient
from descope_sync.emulator import Emulator
from tests.cli.command_line import COMMAND, CommandLine

MANIFEST = """\
sinks: "file:secrets/{label}.json"
keys:
  billing:
    name: Billing
    description: night job
    expires: 2033-05-18
    roles: [Reader]
    permitted_ips: [10.0.0.0/8, 127.0.0.1]
    claims: {team: build, level: 3}
  reports:
    tenants: {t1: [Reader]}
"""
WRITES = frozenset({
    "access_key.create", "access_key.update", "access_key.rotate", "access_key.delete",
    "access_key.activate", "access_key.deactivate", "access_key.activate_batch",
    "access_key.deactivate_batch", "access_key.delete_batch",
})  # fmt: skip


class Folder:
    """A folder with a manifest, and what its commands are about."""

    def __init__(self, path: Path, cli: CommandLine, admin: DescopeClient) -> None:
        self.path = path
        self._cli = cli
        self._admin = admin
        self.manifest = path / "keys.yaml"

    def write(self, text: str) -> None:
        self.manifest.write_text(text, encoding="utf-8")

    def run(self, command: str, *arguments: str, **options: Any) -> Any:
        return self._cli.run(command, str(self.manifest), *arguments, **options)

    def apply(self, *arguments: str) -> None:
        done = self.run("apply", "--yes", "--rate", "none", *arguments)
        assert done.returncode == 0, done.stderr

    def plan(self, *arguments: str) -> list[dict[str, Any]]:
        done = self.run("plan", "--json", *arguments)
        assert done.returncode == 0, done.stderr
        found: list[dict[str, Any]] = json.loads(done.stdout)["changes"]
        return found

    def actions(self, *arguments: str) -> list[tuple[str, str]]:
        return [(each["action"], each["label"] or each["name"]) for each in self.plan(*arguments)]

    def ids(self) -> dict[str, str]:
        found: dict[str, str] = json.loads((self.path / "keys.lock.json").read_text())["keys"]
        return found

    def key(self, label: str) -> AccessKey:
        return self._admin.mgmt.access_key.load(self.ids()[label])

    def secret(self, label: str) -> str:
        found: str = json.loads((self.path / "secrets" / f"{label}.json").read_text())["cleartext"]
        return found


@pytest.fixture
def folder(tmp_path: Path, cli: CommandLine, admin: DescopeClient) -> Folder:
    path = tmp_path / "folder"
    path.mkdir()
    found = Folder(path, cli, admin)
    found.write(MANIFEST)
    return found


def test_a_project_becomes_what_its_manifest_says(
    folder: Folder, local: Emulator, admin: DescopeClient, cli: CommandLine
) -> None:
    shown = folder.run("plan")
    assert shown.returncode == 0
    assert "+  create  billing" in shown.stdout
    assert "expires: 2033-05-18T00:00:00Z" in shown.stdout
    assert shown.stdout.endswith("2 to create\n")
    assert folder.run("drift").returncode == 20
    dry = folder.run("apply", "--dry-run")
    assert (dry.returncode, "2 to create" in dry.stderr) == (0, True)
    for sink, said in (
        ("exec:no-such-program-here", "there is no program"),
        (f"file:{folder.path}/all.json", "would share the place"),
    ):
        dry = folder.run("apply", "--dry-run", "--to", sink)
        assert (dry.returncode, said in dry.stderr) == (2, True), dry.stderr
    assert not any(each.operation in WRITES for each in local.requests)
    assert not (folder.path / "keys.lock.json").exists()

    folder.apply()
    key = folder.key("billing")
    assert (key.name, key.expire_time, key.role_names) == ("Billing", 1_999_987_200, ("Reader",))
    assert key.custom_claims == {"team": "build", "level": 3}
    assert set(key.permitted_ips) == {"10.0.0.0/8", "127.0.0.1"}
    assert folder.key("reports").key_tenants[0].role_names == ("Reader",)
    for label, key_id in folder.ids().items():
        assert admin.exchange_access_key(folder.secret(label)).key_id == key_id
    lock = (folder.path / "keys.lock.json").read_text()
    assert not any(folder.secret(label) in lock for label in folder.ids())

    done = folder.run("drift")
    assert (done.returncode, folder.plan()) == (0, [])
    assert done.stdout == "the project is as the manifest says: nothing to change\n"
    local.requests.clear()
    folder.apply()
    assert not any(each.operation in WRITES for each in local.requests)
    assert cli.run("journal").stdout == ""


def test_what_the_manifest_does_not_say_is_left_alone(folder: Folder, admin: DescopeClient) -> None:
    other = admin.mgmt.access_key.create("other").key
    folder.apply()
    keys = admin.mgmt.access_key
    keys.update(folder.ids()["reports"], "by hand", description="by hand")
    assert folder.plan() == []
    folder.write(MANIFEST.replace("reports:\n", "reports:\n    description: monthly\n"))
    (change,) = folder.plan()
    assert (change["action"], change["before"], change["after"]) == (
        "update",
        {"description": "by hand"},
        {"description": "monthly"},
    )
    shown = folder.run("plan").stdout
    assert "description: by hand -> monthly" in shown
    assert "other keys of the project, left alone: 1" in shown
    folder.apply()
    key = folder.key("reports")
    assert (key.name, key.description) == ("by hand", "monthly")
    assert key.key_tenants[0].tenant_id == "t1"
    assert keys.load(other.id) == other


def test_keys_are_switched(folder: Folder) -> None:
    folder.apply()
    folder.write(MANIFEST.replace("reports:\n", "reports:\n    active: false\n"))
    assert folder.actions() == [("deactivate", "reports")]
    folder.apply()
    assert not folder.key("reports").is_active
    # It is not in use, so another expiry is no reason for a successor.
    folder.write(
        MANIFEST.replace("reports:\n", "reports:\n    active: false\n    expires: 2034-01-01\n")
    )
    assert folder.actions() == []
    folder.write(MANIFEST.replace("reports:\n", "reports:\n    active: true\n"))
    assert folder.actions() == [("activate", "reports")]
    folder.apply()
    assert folder.key("reports").is_active
    folder.write(MANIFEST + "  spare:\n    active: false\n")
    folder.apply()
    assert not folder.key("spare").is_active
    assert folder.actions() == []


def test_an_expiry_and_a_user_make_a_successor(
    folder: Folder, admin: DescopeClient, local: Emulator, cli: CommandLine
) -> None:
    user_id = local.create_user("ann@example.com", role_names=["Reader"])
    folder.apply()
    old = folder.ids()
    folder.write(
        MANIFEST.replace("2033-05-18", "2034-05-18")
        .replace("tenants: {t1: [Reader]}", f"user_id: {user_id}")
        .replace("sinks:", "grace: 1s\ndelete_after: 0s\nsinks:")
    )
    assert folder.actions() == [("replace", "billing"), ("replace", "reports")]
    shown = folder.run("plan").stdout
    assert "-/+  replace  billing" in shown
    assert "its expiry cannot be changed, so a successor takes over" in shown
    assert "expires: 2033-05-18T00:00:00Z -> 2034-05-18T00:00:00Z" in shown
    assert "the old key works for 1s more, is deactivated, and is deleted 0s later" in shown
    folder.apply()
    new = folder.ids()
    assert set(new.values()).isdisjoint(old.values())
    assert folder.key("billing").custom_claims == {"team": "build", "level": 3}
    assert folder.key("reports").bound_user_id == user_id
    assert admin.mgmt.access_key.load(old["billing"]).is_active  # the grace period has begun
    # The old keys are the run's business, and no plan's.
    assert folder.actions("--prune", "all") == []
    time.sleep(1.1)
    for _ in range(3):
        assert cli.run("resume", "--rate", "none").returncode == 0
    left = {key.id for key in admin.mgmt.access_key.search_all_access_keys()}
    assert left == set(new.values())
    for label, key_id in new.items():
        assert admin.exchange_access_key(folder.secret(label)).key_id == key_id
    assert folder.actions() == []


def test_an_inactive_key_gets_a_new_one_in_its_place(folder: Folder, admin: DescopeClient) -> None:
    folder.apply()
    old = folder.ids()["billing"]
    admin.mgmt.access_key.deactivate(old)
    folder.write(MANIFEST.replace("2033-05-18", "2034-05-18\n    active: true"))
    (change,) = folder.plan()
    assert (change["action"], change["label"]) == ("create", "billing")
    assert old in change["why"]


def test_a_key_that_somebody_deleted_is_made_anew(folder: Folder, admin: DescopeClient) -> None:
    folder.apply()
    admin.mgmt.access_key.delete(folder.ids()["billing"])
    (folder.path / "secrets" / "billing.json").unlink()
    (change,) = folder.plan()
    assert change["why"].endswith("is gone")
    folder.apply()
    assert folder.key("billing").is_active


def test_other_keys_are_deactivated_only_when_that_was_asked_for(
    folder: Folder, admin: DescopeClient
) -> None:
    other = admin.mgmt.access_key.create("other").key.id
    folder.apply()
    removed = folder.ids()["reports"]
    folder.write(MANIFEST.partition("  reports:")[0])
    assert "left alone (see --prune): reports" in folder.run("plan").stdout
    assert folder.run("drift").returncode == 0
    assert folder.run("drift", "--prune", "removed").returncode == 20
    assert folder.actions("--prune", "removed") == [("deactivate", "reports")]
    assert sorted(folder.actions("--prune", "all")) == [
        ("deactivate", "other"),
        ("deactivate", "reports"),
    ]
    folder.apply("--prune", "removed")
    assert not admin.mgmt.access_key.load(removed).is_active
    assert admin.mgmt.access_key.load(other).is_active
    assert set(folder.ids()) == {"billing"}
    folder.apply("--prune", "all")
    assert not admin.mgmt.access_key.load(other).is_active
    assert folder.actions("--prune", "all") == []


def test_a_saved_plan_is_applied_as_it_was_shown(folder: Folder, admin: DescopeClient) -> None:
    saved = folder.path / "plan.json"
    assert folder.run("plan", "-o", str(saved)).returncode == 0
    done = folder.run("apply", "--plan", str(saved), "--rate", "none", "--json")
    assert done.returncode == 0, done.stderr
    assert {each["label"] for each in json.loads(done.stdout)["keys"]} == {"billing", "reports"}
    done = folder.run("apply", "--plan", str(saved))  # once
    assert (done.returncode, "out of date" in done.stderr) == (8, True)
    assert len(admin.mgmt.access_key.search_all_access_keys()) == 2


def test_the_command_that_a_saved_plan_names_applies_it(folder: Folder) -> None:
    saved, sink = folder.path / "plan.json", f"file:{folder.path}/other/{{label}}.json"
    folder.write("keys:\n  new: {}\n")
    done = folder.run("plan", "-o", str(saved), "--to", sink, "--prune", "all")
    named = shlex.split(done.stderr.partition("descope-keys apply ")[2].splitlines()[0])
    done = folder.run("apply", *named[1:])
    assert done.returncode == 0, done.stderr
    assert (folder.path / "other" / "new.json").exists()


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        ("edit", "was edited"),
        ("cut", "is no plan"),
        ("manifest", "out of date"),
        ("key", "out of date"),
        ("prune", "other settings"),
        ("project", "is a plan for the project"),
    ],
)
def test_a_plan_that_does_not_fit_is_refused(
    folder: Folder, admin: DescopeClient, local: Emulator, spoil: str, said: str
) -> None:
    folder.apply()
    folder.write(MANIFEST.replace("night job", "day job"))
    saved = folder.path / "plan.json"
    assert folder.run("plan", "-o", str(saved)).returncode == 0
    more = ["--prune", "all"] if spoil == "prune" else []
    match spoil:
        case "edit":
            saved.write_text(saved.read_text().replace("day job", "my job"))
        case "cut":
            saved.write_text(saved.read_text()[:-20])
        case "manifest":
            folder.write(MANIFEST.replace("night job", "another job"))
        case "key":
            admin.mgmt.access_key.update(folder.ids()["billing"], "x", description="by hand")
        case "project":
            with Emulator() as other:
                (folder.path / "keys.lock.json").unlink()
                done = folder.run(
                    *("apply", "--plan", str(saved)),
                    DESCOPE_PROJECT_ID=other.project_id,
                    DESCOPE_MANAGEMENT_KEY=other.management_key,
                    DESCOPE_BASE_URI=other.base_url,
                )
                assert (done.returncode, said in done.stderr) == (8, True), done.stderr
                return
    local.requests.clear()
    done = folder.run("apply", "--plan", str(saved), *more)
    assert (done.returncode, said in done.stderr) == (8, True), done.stderr
    assert not any(each.operation in WRITES for each in local.requests)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("keys:\n  a: {colour: red}\n", "line 2: 'colour' is unknown"),
        ("keys:\n  a:\n    expire: never\n", "line 3: 'expire' is unknown; did you mean 'expires'?"),
        ("key: {}\n", "line 1: 'key' is unknown; did you mean 'keys'?"),
        ("keys:\n  a: {expires: 1970-01-01}\n", "line 2: '1970-01-01' is over already"),
        ("keys: {}\ngrace: 60w\n", "line 2: grace must be from 0 to 31622400 seconds, which are 366 days"),
        ("keys: {}\ndelete_after: 60w\n", "line 2: delete_after must be"),
        ("keys: {}\nsinks: ''\n", "line 2: "),
        ("keys:\n  a: {}\n  b: {}\n  a: {}\n", "line 4: 'a' is there twice, first on line 2"),
        ("keys:\n  a: &x {name: n}\n  b: {}\n", "line 2: remove the anchor &x"),
        ("keys:\n  a: {}\n  b: *x\n", "line 3: "),
        ("keys:\n  a: {name: !!str n}\n", "line 2: remove the tag"),
        ("keys:\n  a:\n    expires: 90d\n", "line 3: write a date"),
        ("keys:\n  a:\n    expires: soon\n", "line 3: 'soon' is neither"),
        ("keys:\n  a:\n    expires: 2001-01-01\n", "line 2: 'a' would be a new key that has expired"),
        ("keys:\n  a:\n    name: no\n", "line 3: write 'no' in quotes"),
        ("keys:\n  a:\n    name: 012\n", "line 3: write '012' in quotes"),
        ("keys:\n  a:\n    roles: Reader\n", "line 3: a list is wanted"),
        ("keys:\n  a:\n    active: yes\n", "line 3: true or false"),
        ("keys:\n  a:\n    permitted_ips: [localhost]\n", "line 3: permitted_ips[0] is 'localhost'"),
        ("keys:\n  a:\n    claims: {x: 0x1F}\n", "line 3: write '0x1F' in quotes"),
        ("keys:\n  a:\n    claims: [1]\n", "line 3: names with values"),
        ("keys:\n  a:\n    user_id: U1\n    roles: [x]\n", "line 3: a key that is bound to a user"),
        ("keys:\n  a b: {}\n", "line 2: the label 'a b'"),
        ("project: Pother\nkeys: {}\n", "is for the project Pother"),
        ("version: 2\nkeys: {}\n", "line 1: this program reads version 1"),
        ("keys:\n  a: {}\n---\nkeys: {}\n", "line 3: a second document"),
        ("keys: [\n", "this is no YAML"),
        ("", "there is nothing in it"),
        ("keys: " + "[" * 60, "nested deeper than 50"),
    ],
)  # fmt: skip
def test_a_manifest_that_cannot_be_meant_is_said(
    folder: Folder, local: Emulator, text: str, said: str
) -> None:
    folder.write(text)
    done = folder.run("apply", "--yes")
    assert (done.returncode, said in done.stderr) == (2, True), done.stderr
    assert "Traceback" not in done.stderr
    assert not any(each.operation in WRITES for each in local.requests)


def test_a_change_needs_consent_and_a_sink(
    folder: Folder, cli: CommandLine, local: Emulator
) -> None:
    assert folder.run("apply").returncode == 2
    assert folder.run("apply", "--yes", "--max-changes", "1").returncode == 2
    code, screen = cli.on_terminal("apply", str(folder.manifest), typed="yes\n")
    assert (code, "nothing was changed" in screen) == (2, True)
    folder.write(MANIFEST.partition("\n")[2])
    done = folder.run("apply", "--yes")
    assert (done.returncode, "--to" in done.stderr) == (2, True)
    assert not any(each.operation in WRITES for each in local.requests)
    folder.write(MANIFEST)
    code, screen = cli.on_terminal(
        "apply", str(folder.manifest), "--rate", "none", typed=f"{local.project_id} 2\n"
    )
    assert code == 0, screen


def test_keys_are_adopted_as_they_are(
    folder: Folder, admin: DescopeClient, cli: CommandLine, local: Emulator
) -> None:
    keys = admin.mgmt.access_key
    one = keys.create(
        "no",  # which YAML takes for false
        1_999_987_200,
        key_tenants=[{"tenant_id": "t1", "role_names": ["Reader"]}],
        custom_claims={"deep": {"list": [1, {"a": None}], "0x1F": "012"}},
        description="Grüße: #1\nzwei",
        permitted_ips=["10.0.0.1"],
    ).key
    two, off = keys.create("two words!").key, keys.create("off").key
    keys.deactivate(off.id)
    folder.write("# ours\nkeys:\n    # four spaces\n")
    local.requests.clear()
    done = cli.run("import", one.id, two.id, off.id, "-m", str(folder.manifest))
    assert done.returncode == 0, done.stderr
    assert folder.ids() == {"no": one.id, "two-words": two.id, "off": off.id}
    assert folder.manifest.read_text().startswith("# ours\nkeys:\n    # four spaces\n")
    assert folder.plan() == []
    assert not any(each.operation in WRITES for each in local.requests)
    assert cli.run("import", one.id, "-m", str(folder.manifest)).returncode == 2
    assert cli.run("import", "K2none", "-m", str(folder.manifest)).returncode == 2

    twin = keys.create("two words!").key
    done = cli.run("import", "-", "-m", str(folder.manifest), stdin=f"{twin.id}\n")
    assert folder.ids()["two-words-2"] == twin.id
    # A label that is in the manifest already is only connected.
    third = keys.create("third", role_names=["Reader"]).key
    text = folder.manifest.read_text() + "  third: {roles: []}\n"
    folder.write(text)
    assert "descope-keys import" in folder.run("plan").stdout
    done = cli.run("import", third.id, "--label", "third", "-m", str(folder.manifest))
    assert (done.returncode, folder.manifest.read_text()) == (0, text)
    assert folder.actions() == [("update", "third")]


def test_keys_without_a_place_in_the_manifest_are_shown(
    folder: Folder, admin: DescopeClient, cli: CommandLine
) -> None:
    made = admin.mgmt.access_key.create("a").key
    folder.write("keys: {b: {}}\n")
    done = cli.run("import", made.id, "-m", str(folder.manifest))
    assert done.returncode == 2
    assert "  a:\n    name: a\n    expires: never\n" in done.stderr
    assert folder.manifest.read_text() == "keys: {b: {}}\n"
    assert not (folder.path / "keys.lock.json").exists()


def test_a_lock_file_of_another_project_is_refused(folder: Folder) -> None:
    lock = folder.path / "keys.lock.json"
    lock.write_text('{"schema": 1, "project": "Pother", "keys": {}}')
    done = folder.run("plan")
    assert (done.returncode, "is of the project Pother" in done.stderr) == (2, True)
    lock.write_text("<<<<<<< HEAD")
    done = folder.run("plan")
    assert (done.returncode, "is no JSON" in done.stderr) == (2, True)


def test_a_key_that_cannot_be_made_is_planned_again(
    folder: Folder, local: Emulator, admin: DescopeClient, cli: CommandLine
) -> None:
    local.faults.add(Fault("status", "access_key.create", status=400, nth=1))
    done = folder.run("apply", "--yes", "--rate", "none")
    assert done.returncode == 3
    assert len(folder.ids()) == 1
    local.faults.clear()
    ((action, label),) = folder.actions()
    assert action == "create"
    folder.apply()
    assert len(admin.mgmt.access_key.search_all_access_keys()) == 2
    assert folder.key(label).is_active
    assert cli.run("journal").stdout == ""


@pytest.mark.parametrize("goes_on", ["apply", "resume"])
def test_an_apply_that_was_killed_makes_no_twin(
    folder: Folder, local: Emulator, admin: DescopeClient, cli: CommandLine, goes_on: str
) -> None:
    folder.write(
        'sinks: "file:secrets/{label}.json"\nkeys:\n'
        + "".join(f"  machine-{number}: {{}}\n" for number in range(20))
    )
    command = ["apply", str(folder.manifest), "--yes", "--rate", "5"]
    with subprocess.Popen(
        [*COMMAND, *command],
        env=cli.variables(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        deadline = time.monotonic() + 120
        while local.requests.count("access_key.create") < 5 and time.monotonic() < deadline:
            assert process.poll() is None
            time.sleep(0.05)
        assert local.requests.count("access_key.create") >= 5
        process.send_signal(signal.SIGKILL)
    settled = ["--rate", "none", "--settle-after", "1s"]
    if goes_on == "apply":
        done = folder.run("plan")
        assert done.returncode == 0, done.stderr
        if "is not finished in another run" in done.stdout:
            assert folder.run("drift").returncode == 20
            done = folder.run("apply", "--yes")
            assert (done.returncode, "is as the manifest says" in done.stderr) == (3, False)
            assert cli.run("resume", *settled).returncode == 0
        folder.apply()
    else:
        assert cli.run("resume", *settled).returncode == 0
    keys = admin.mgmt.access_key.search_all_access_keys()
    assert {key.id for key in keys} == set(folder.ids().values())
    assert len(keys) == 20
    for label, key_id in folder.ids().items():
        assert admin.exchange_access_key(folder.secret(label)).key_id == key_id
    assert folder.actions() == []


def test_apply_and_resume_do_not_meet(folder: Folder, local: Emulator, cli: CommandLine) -> None:
    local.faults.add(Fault("delay", "access_key.create", seconds=200))
    with subprocess.Popen(
        [*COMMAND, "apply", str(folder.manifest), "--yes"],
        env=cli.variables(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        deadline = time.monotonic() + 120
        while not local.requests.count("access_key.create") and time.monotonic() < deadline:
            time.sleep(0.05)
        for command in (["resume"], ["apply", str(folder.manifest), "--yes"]):
            done = cli.run(*command)
            assert done.returncode == 7, done.stderr
            assert f"process {process.pid} (descope-keys apply" in done.stderr
        process.send_signal(signal.SIGKILL)
    local.faults.clear()
    done = cli.run("resume", "--rate", "none", "--settle-after", "1s")  # a kill leaves no lock
    assert done.returncode == 0, done.stderr


def test_files_are_written_whole_and_stay_what_they_are(
    folder: Folder, admin: DescopeClient, cli: CommandLine
) -> None:
    made = admin.mgmt.access_key.create("a").key
    kept = folder.path / "kept.yaml"
    kept.write_text("keys:\n")
    kept.chmod(0o640)
    folder.manifest.unlink()
    folder.manifest.symlink_to(kept)
    before = kept.stat().st_ino
    done = cli.run("import", made.id, "-m", str(folder.manifest))
    assert done.returncode == 0, done.stderr
    assert folder.manifest.is_symlink()
    assert "a:" in kept.read_text()
    assert kept.stat().st_mode & 0o777 == 0o640
    assert kept.stat().st_ino != before  # another file took its name: half of one never has it
    assert sorted(each.name for each in folder.path.iterdir()) == [
        "kept.yaml", "keys.lock.json", "keys.yaml",
    ]  # fmt: skip
    for place in ("/dev/stdout", "/dev/null"):
        done = cli.process("export", "-f", "jsonl", "-o", place)
        assert (done.returncode, made.id in done.stdout) == (0, place == "/dev/stdout")
    assert Path("/dev/null").is_char_device()
    done = cli.run("export", "-o", str(folder.path / "none" / "keys.json"))
    assert (done.returncode, "cannot be written: No such file" in done.stderr) == (2, True)


def test_a_thousand_keys_are_planned_quickly(folder: Folder) -> None:
    folder.write(
        "keys:\n" + "".join(f"  k{number}: {{roles: [Reader]}}\n" for number in range(10_000))
    )
    started = time.monotonic()
    done = folder.run("plan", "--json")
    assert len(json.loads(done.stdout)["changes"]) == 10_000
    assert time.monotonic() - started < 30
