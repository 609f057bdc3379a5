"""``descope-keys audit``."""

from __future__ import annotations

from datetime import UTC, datetime

from descope_sync import DescopeClient
from descope_sync.emulator import Emulator
from tests.cli.command_line import CommandLine

DAY = 86_400


def _rules(found: dict[str, list[dict[str, str]]], key_id: str) -> set[str]:
    return {each["rule"] for each in found["findings"] if each["keyId"] == key_id}


def test_each_rule_finds_its_key_and_no_other(
    cli: CommandLine, local: Emulator, admin: DescopeClient
) -> None:
    create = admin.mgmt.access_key.create
    later = int(datetime.now(UTC).timestamp()) + 30 * DAY
    good = create("good", later, role_names=["Reader"], permitted_ips=["10.0.0.0/8"])
    never = create("never", role_names=["Reader"], permitted_ips=["10.0.0.1"])
    anywhere = create("anywhere", later, role_names=["Reader"])
    nothing = create("nothing", later, permitted_ips=["10.0.0.1"])
    broad = create("broad", later, role_names=["Tenant Admin"], permitted_ips=["10.0.0.1"])
    twin = create("twin", later, role_names=["Reader"], permitted_ips=["10.0.0.1"])
    create("twin", later, role_names=["Reader"], permitted_ips=["10.0.0.1"])
    off = create("off")
    admin.mgmt.access_key.deactivate(off.key.id)
    found = cli.json("audit", "-f", "json")
    assert _rules(found, good.key.id) == set()
    assert _rules(found, never.key.id) == {"no-expiry"}
    assert _rules(found, anywhere.key.id) == {"no-ip-list"}
    assert _rules(found, nothing.key.id) == {"no-roles"}
    assert _rules(found, broad.key.id) == {"over-broad"}
    assert _rules(found, twin.key.id) == {"twins"}
    assert _rules(found, off.key.id) == set()  # nobody can use it
    local.clock.move_to(local.clock.now() - 400 * DAY, backwards=True)
    old = create("old", later, role_names=["Reader"], permitted_ips=["10.0.0.1"])
    assert _rules(cli.json("audit", "-f", "json"), old.key.id) == {"old"}


def test_sarif_names_rule_and_key(cli: CommandLine, admin: DescopeClient) -> None:
    made = admin.mgmt.access_key.create("a", role_names=["Reader"])
    done = cli.json("audit", "-f", "sarif")
    (run,) = done["runs"]
    assert done["version"] == "2.1.0"
    known = {rule["id"] for rule in run["tool"]["driver"]["rules"]}
    assert {result["ruleId"] for result in run["results"]} == {"no-expiry", "no-ip-list"} <= known
    for result in run["results"]:
        (location,) = result["locations"]
        assert location["logicalLocations"][0]["name"] == made.key.id


def test_the_exit_code_is_for_jobs(cli: CommandLine, admin: DescopeClient) -> None:
    assert cli.run("audit", "--exit-code").returncode == 0
    assert cli.run("audit").stdout == "nothing is doubtful about 0 access keys\n"
    admin.mgmt.access_key.create("a", role_names=["Reader"])
    assert cli.run("audit", "--exit-code").returncode == 20
    assert cli.json("audit", "--json")["kind"] == "audit"
    assert cli.run("audit", "--json", "-f", "sarif").returncode == 2
    ignored = ["--ignore", "no-expiry", "--ignore", "no-ip-list"]
    assert cli.run("audit", "--exit-code", *ignored).returncode == 0
    done = cli.run("audit", "--ignore", "nonsense")
    assert done.returncode == 2
    assert "no-expiry" in done.stderr
