from __future__ import annotations

import json
import sys
from importlib import resources
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml

from descope_async import DescopeClient
from descope_async.emulator import Emulator, EmulatorError

CLEARTEXT = "K2-a-secret-of-the-test"
SEED: dict[str, Any] = {
    "tenants": [{"id": "t1", "name": "One"}],
    "permissions": [{"name": "read"}],
    "roles": [{"name": "Reader", "permissionNames": ["read"]}],
    "users": [
        {"loginId": "u@x.test", "userId": "U1", "roleNames": ["Reader"], "status": "enabled"}
    ],
    "accessKeys": [
        {"id": "K1", "name": "ci", "cleartext": CLEARTEXT, "userId": "U1"},
        {"name": "off", "status": "inactive", "keyTenants": [{"tenantId": "t1"}]},
    ],
    "projects": [{"id": "P2two", "managementKey": "K2two", "tenants": [{"id": "x", "name": "X"}]}],
}
PAGE = Path(__file__).parents[2] / "docs" / "reference" / "seed.md"
YAML = """
tenants:
  - {id: t1, name: One}
accessKeys:
  - name: ci
    cleartext: K2-a-secret-of-the-test
    expireTime: 2102444800
"""


async def status(emulator: Emulator, path: str, credentials: str) -> int:
    headers = {"Authorization": f"Bearer {credentials}"}
    async with (
        aiohttp.ClientSession(emulator.base_url, headers=headers) as session,
        session.post(path, json={}) as response,
    ):
        return response.status


async def test_a_seed_fills_its_projects() -> None:
    async with Emulator(seed=SEED) as emulator:
        state = await emulator.snapshot()
        assert [key["status"] for key in state["accessKeys"]] == ["active", "inactive"]
        assert state["accessKeys"][0]["id"] == "K1"
        assert state["users"][0]["userId"] == "U1"
        assert "Reader" in [role["name"] for role in state["roles"]]
        exchange = "/v1/auth/accesskey/exchange"
        assert await status(emulator, exchange, f"{emulator.project_id}:{CLEARTEXT}") == 200
        assert await status(emulator, "/v1/mgmt/tenant/search", "P2two:K2two") == 200
        assert [each["id"] for each in (await emulator.snapshot("P2two"))["tenants"]] == ["x"]


async def test_a_seed_fills_new_projects_only(tmp_path: Path) -> None:
    for _ in range(2):
        async with Emulator(seed=SEED, data=tmp_path / "emulator.db") as emulator:
            assert len((await emulator.snapshot())["accessKeys"]) == 2
            assert len((await emulator.snapshot("P2two"))["tenants"]) == 1


async def test_half_a_seed_is_not_kept(tmp_path: Path) -> None:
    wrong = {**SEED, "projects": [{"id": "P2two", "users": [{}]}]}
    with pytest.raises(EmulatorError):
        await Emulator("P2one", seed=wrong, data=tmp_path / "emulator.db").start()
    async with Emulator("P2one", seed=SEED, data=tmp_path / "emulator.db") as emulator:
        assert len((await emulator.snapshot("P2one"))["accessKeys"]) == 2
        assert len((await emulator.snapshot("P2two"))["tenants"]) == 1


@pytest.mark.parametrize(("name", "text"), [("s.json", json.dumps(SEED)), ("s.yaml", YAML)])
async def test_a_seed_can_be_a_file(tmp_path: Path, name: str, text: str) -> None:
    path = tmp_path / name
    path.write_text(text)
    for source in (path, str(path)):
        async with Emulator(seed=source) as emulator:
            state = await emulator.snapshot()
            assert state["accessKeys"][0]["name"] == "ci"
            assert state["tenants"][0]["id"] == "t1"


async def test_the_seed_of_the_documentation_works(tmp_path: Path) -> None:
    text = PAGE.read_text().partition("```yaml\n")[2].partition("```")[0]
    (tmp_path / "seed.yaml").write_text(text)
    async with Emulator(seed=tmp_path / "seed.yaml") as emulator:
        credentials = f"{emulator.project_id}:K2-only-for-tests-of-acme"
        assert await status(emulator, "/v1/auth/accesskey/exchange", credentials) == 200
        assert await status(emulator, "/v1/mgmt/role/search", "P2second:K2second") == 200
        state = await emulator.snapshot()
        assert [key["status"] for key in state["accessKeys"]] == ["active", "inactive"]


async def test_a_seeded_key_passes_all_checks_of_a_client() -> None:
    seed = {"accessKeys": [{"name": "n", "cleartext": "K" * 20}]}
    async with (
        Emulator(seed=seed) as emulator,
        DescopeClient(emulator.project_id, base_url=emulator.base_url) as client,
    ):
        assert (await client.exchange_access_key("K" * 20)).key_id
        assert await client.access_key_verifier().verify("K" * 20)
    short = {"accessKeys": [{"name": "n", "cleartext": "K" * 19}]}
    with pytest.raises(EmulatorError, match="20 to 512"):
        await Emulator(seed=short).start()


async def test_an_empty_file_seeds_nothing(tmp_path: Path) -> None:
    (tmp_path / "empty.yml").write_text("# nothing yet\n")
    async with Emulator(seed=tmp_path / "empty.yml") as emulator:
        assert (await emulator.snapshot())["tenants"] == []


@pytest.mark.parametrize(
    ("seed", "message"),
    [
        ({"tenant": []}, "unknown field tenant;"),
        ({"tenants": {}}, "The tenants field must be a list of objects"),
        ({"tenants": [{"id": "t"}]}, r"The tenants\[0\].name field is required"),
        (
            {"accessKeys": [{"name": "a"}, {"name": 7}]},
            r"The accessKeys\[1\].name field must be a s",
        ),
        (
            {"accessKeys": [{"name": "a", "keyTenants": [{}]}]},
            r"accessKeys\[0\].keyTenants\[0\].ten",
        ),
        (
            {"accessKeys": [{"name": "a", "cleartext": "a:bcdefghijklmnopqrstuvwxyz"}]},
            r"accessKeys\[0\].*without a colon",
        ),
        ({"accessKeys": [{"name": "a", "cleartext": "é" * 20}]}, r"accessKeys\[0\].*visible ASCII"),
        ({"accessKeys": [{"name": "a", "status": "of"}]}, r"accessKeys\[0\].*active or inactive"),
        ({"accessKeys": [{"name": "a", "id": "K"}] * 2}, r"accessKeys\[1\].*of this id exists"),
        (
            {"accessKeys": [{"name": "a", "cleartext": "K" * 20}] * 2},
            r"accessKeys\[1\].*secret exists",
        ),
        (
            {"users": [{"loginId": "u", "userId": "U"}, {"loginId": "v", "userId": "U"}]},
            "id exists",
        ),
        ({"projects": [{"id": "P1", "users": [{}]}]}, r"projects\[0\].users\[0\]"),
        ({"tenants": [{"id": "t", "name": "T", "nom": 1}]}, r"unknown field tenants\[0\].nom;"),
        ({"permissions": [{"name": "p", "x": 1}]}, r"unknown field permissions\[0\].x;"),
        ({"roles": [{"name": "R", "permissions": []}]}, r"unknown field roles\[0\].permissions;"),
        ({"users": [{"loginId": "u", "roles": []}]}, r"unknown field users\[0\].roles;"),
        ({"accessKeys": [{"name": "a", "secret": "s"}]}, r"field accessKeys\[0\].secret;"),
        (
            {"accessKeys": [{"name": "a", "keyTenants": [{"tenantId": "t", "roles": []}]}]},
            r"unknown field accessKeys\[0\].keyTenants\[0\].roles;",
        ),
        (
            {"projects": [{"id": "P1", "users": [{"loginId": "u", "mail": "m"}]}]},
            r"unknown field projects\[0\].users\[0\].mail;",
        ),
        ({"projects": [{}]}, r"The projects\[0\].id field is required"),
        ({"projects": [{"id": "a b"}]}, "project_id must be"),
        ({"projects": [{"id": "P1", "managementKey": "a b"}]}, "management_key must be"),
        ({"projects": [{"id": "P1", "keys": []}]}, r"unknown field projects\[0\].keys;"),
        ({"projects": [{"id": "P1"}, {"id": "P1"}]}, r"at projects\[1\]: .*P1 is there twice"),
        (
            {"tenants": [{"id": "t", "name": {1, 2}}]},
            r"a set is no JSON value, at tenants\[0\].name",
        ),
        (
            {"users": [], "tenants": [{"id": "t", "customAttributes": {"a": [float("nan")]}}]},
            r", at tenants\[0\].customAttributes.a\[0\]",
        ),
    ],
)
async def test_a_wrong_seed_is_told_where(seed: dict[str, Any], message: str) -> None:
    with pytest.raises(EmulatorError, match=message):
        await Emulator(seed=seed).start()


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("s.json", "{", "is not valid JSON"),
        ("s.json", "[]", "must be a mapping"),
        ("s.yaml", "a: [", "is not valid YAML"),
        ("s.yaml", "just text", "must be a mapping"),
        ("s.yaml", "!!python/object/apply:os.getcwd []", "is not valid YAML"),
        ("s.yaml", "[]", "must be a mapping"),
        ("s.yaml", "2026-11-23: x", "what JSON can say: keys must be str"),
        ("s.yaml", "tenants: [{id: 2026-11-23}]", "what JSON can say: a date is no JSON value"),
        ("s.yaml", "tenants: [{id: t, name: .nan}]", "what JSON can say"),
        ("s.yaml", "tenants: !!set {a}", "what JSON can say: a set is no JSON value"),
        ("s.yaml", "tenants: &all [*all, *all]", "what JSON can say"),
        ("s.yaml", "tenants:\n- {id: t, name: 2026-11-23}", r"a date .*, at tenants\[0\].name"),
        ("s.yaml", "users: []\ntenants: []\nusers: []", "users is there twice .* line 3"),
        ("s.yaml", "tenants: [{id: t, name: a, id: u}]", "not valid YAML: id is there twice"),
        ("s.yaml", "users: [{loginId: u, customAttributes: {1: a, 0x1: b}}]", "0x1 is there twice"),
        ("s.yaml", "users: [{loginId: u, customAttributes: {1: a, '1': b}}]", "name occurs twice"),
        ("s.json", '{"users": [], "users": []}', "not valid JSON: users is there twice"),
        ("s.json", '{"tenants": [{"id": "t", "name": "a", "id": "u"}]}', "id is there twice"),
        ("s.yaml", 'tenants: [{id: "\\ud800", name: x}]', "what JSON can say|not valid YAML"),
        ("s.json", '{"tenants": [{"id": "\\ud800", "name": "x"}]}', "what JSON can say"),
        ("s.json", '{"tenants": ' + "[" * 70 + "]" * 70 + "}", "what JSON can say"),
    ],
)
async def test_a_wrong_file_is_named(tmp_path: Path, name: str, text: str, message: str) -> None:
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(EmulatorError, match=message):
        await Emulator(seed=path).start()


async def test_a_seed_cannot_fill_the_first_project_twice() -> None:
    with pytest.raises(EmulatorError, match=r"at projects\[0\]: P1 is the first project"):
        await Emulator("P1", seed={"projects": [{"id": "P1"}]}).start()


async def test_yaml_may_merge_mappings(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text("tenants:\n- &a {id: t, name: a, disabled: true}\n- {<<: *a, id: u, name: b}\n")
    async with Emulator(seed=path) as emulator:
        tenants = (await emulator.snapshot())["tenants"]
    assert [(each["id"], each["name"], each["disabled"]) for each in tenants] == [
        ("t", "a", True),
        ("u", "b", True),
    ]


async def test_a_missing_or_undecodable_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(EmulatorError, match="cannot read the seed"):
        await Emulator(seed=tmp_path / "missing.yaml").start()
    (tmp_path / "latin.yaml").write_bytes(b"\xff\xff")
    with pytest.raises(EmulatorError, match="it is no UTF-8 text"):
        await Emulator(seed=tmp_path / "latin.yaml").start()


async def test_without_yaml_the_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "yaml", None)
    (tmp_path / "s.yaml").write_text(YAML)
    with pytest.raises(EmulatorError, match=r"descope-async\[cli\]"):
        await Emulator(seed=tmp_path / "s.yaml").start()


def test_the_schema_knows_what_the_documentation_shows() -> None:
    schema = json.loads(
        resources.files("descope_async.emulator").joinpath("seed.schema.json").read_text()
    )
    examples = PAGE.read_text().split("```yaml\n")[1:]
    for example in examples:
        seed = yaml.safe_load(example.partition("```")[0])
        assert check(seed, schema, schema) == []
    assert check({"tenant": []}, schema, schema) == ["tenant"]
    assert check({"accessKeys": [{"nme": "k"}]}, schema, schema) == ["nme"]


def check(value: Any, schema: dict[str, Any], whole: dict[str, Any]) -> list[str]:
    """The fields that a schema does not know; enough of JSON Schema for closed objects."""
    if "$ref" in schema:
        schema = whole["$defs"][schema["$ref"].rpartition("/")[2]]
    if isinstance(value, list):
        return [name for each in value for name in check(each, schema.get("items", {}), whole)]
    if not isinstance(value, dict) or "properties" not in schema:
        return []
    known = schema["properties"]
    unknown = [name for name in value if name not in known]
    inner = [name for key in value if key in known for name in check(value[key], known[key], whole)]
    return unknown + inner
