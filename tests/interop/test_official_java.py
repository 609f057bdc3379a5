"""The official SDK from Maven Central does all it can with access keys on the local Descope."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from jose import jwt

FOLDER = Path(__file__).parent / "java"
CLASSPATH = FOLDER / "target/classpath"
pytestmark = [
    pytest.mark.skipif(not shutil.which("java"), reason="needs a JDK: there is no java"),
    pytest.mark.skipif(
        not CLASSPATH.is_file(),
        reason="needs the SDK from Maven Central: nox -s interop installs it",
    ),
]
Seen = dict[str, Any]


@pytest.fixture(scope="module")
def seen(run_program: Callable[[Sequence[str], Path], Seen]) -> Seen:
    """What the SDK got, by step."""
    classpath = f"target/classes:{CLASSPATH.read_text()}"
    return run_program(["java", "-cp", classpath, "AccessKeys"], FOLDER)


def data(seen: Seen, step: str) -> Any:
    assert seen[step].keys() == {"data"}, (step, seen[step])
    return seen[step]["data"]


def key(seen: Seen, step: str) -> Any:
    return data(seen, step)["key"]


def user(seen: Seen, step: str) -> Any:
    return data(seen, step)["user"]


def refusal(seen: Seen, step: str) -> tuple[str, str]:
    """The code and the message of an answer that the SDK threw."""
    code: str = seen[step]["code"]
    body = json.loads(seen[step]["response"])
    assert body["errorCode"] == code
    assert body["errorMessage"] == seen[step]["message"]
    return code, body["errorMessage"]


def claims(token: Any) -> dict[str, Any]:
    found: dict[str, Any] = jwt.get_unverified_claims(token["jwt"])
    assert {**token["claims"], "iss": found["iss"]} == found
    return found


def test_create(seen: Seen) -> None:
    created = data(seen, "create")
    assert created["cleartext"]
    assert created["key"]["keyTenants"] == [
        {"tenantId": "t1", "tenantName": "One", "roleNames": ["Reader"]}
    ]
    assert created["key"]["permittedIps"] == ["127.0.0.0/8", "::1"]
    assert created["key"]["clientId"]
    assert (created["key"]["name"], created["key"]["description"]) == ("n1", "first")
    assert created["key"]["status"] == "active"
    assert created["key"]["expireTime"] - created["key"]["createdTime"] in range(3500, 3601)
    assert key(seen, "create plain")["roleNames"] == ["Reader"]
    assert key(seen, "create plain")["expireTime"] == 0
    assert key(seen, "create with claims")["name"] == "n3"
    for step in ("create without a name", "create nameless"):
        assert seen[step]["response"] is None, "the SDK itself refuses it"


def test_load_and_search(seen: Seen) -> None:
    assert key(seen, "load") == key(seen, "create")
    assert refusal(seen, "load unknown") == ("E011004", "The access key does not exist")
    made = [key(seen, step) for step in ("create", "create plain", "create with claims")]
    assert data(seen, "search") == {"keys": made}
    assert data(seen, "search tenant") == {"keys": made[:1]}


def test_update(seen: Seen) -> None:
    assert key(seen, "update name") == key(seen, "create") | {"name": "renamed"}
    assert key(seen, "update all") == key(seen, "create plain") | {
        "name": "n4",
        "description": "second",
        "roleNames": [],
        "keyTenants": [{"tenantId": "t1", "tenantName": "One", "roleNames": ["Local"]}],
        "permittedIps": ["127.0.0.1"],
    }


def test_switching_and_deletion(seen: Seen) -> None:
    for step in ("deactivate", "activate"):
        assert data(seen, step) == {"key": None, "cleartext": None}
    assert key(seen, "load inactive") == key(seen, "update name") | {"status": "inactive"}
    assert data(seen, "delete") is None
    for step in ("load deleted", "delete again"):
        assert refusal(seen, step) == ("E011004", "The access key does not exist")


def test_exchange(seen: Seen) -> None:
    token = data(seen, "exchange")
    found = claims(token)
    assert (found["sub"], found["plan"]) == (key(seen, "create")["id"], "gold")
    assert (token["id"], token["projectId"]) == (found["sub"], found["iss"].rpartition("/")[2])
    assert token["expiration"] == found["exp"] * 1000
    assert claims(data(seen, "exchange with options"))["nsec"] == {"job": "nightly"}
    assert claims(data(seen, "exchange active"))["sub"] == found["sub"]
    assert seen["exchange nothing"]["response"] is None, "the SDK itself refuses it"
    for step, reason in {
        "unknown": "The access key is not valid",
        "inactive": "The access key is not active",
        "deleted": "The access key is not valid",
    }.items():
        assert refusal(seen, f"exchange {step}") == ("E111119", reason)


def test_validation(seen: Seen) -> None:
    assert data(seen, "validate") == data(seen, "exchange")
    for step in ("validate forged", "validate nonsense"):
        assert seen[step] == {"class": "ClientFunctionalException", "message": "Invalid Token"}


def test_grants_in_a_tenant(seen: Seen) -> None:
    assert data(seen, "tenant ids") == ["t1"]
    assert data(seen, "tenant roles") == data(seen, "matched tenant roles") == ["Reader"]
    assert data(seen, "tenant permissions") == data(seen, "matched tenant permissions") == ["read"]
    assert data(seen, "has tenant permissions") is True
    assert data(seen, "has tenant roles") is False
    assert data(seen, "has permissions of t2") is False


def test_a_key_bound_to_a_user(seen: Seen) -> None:
    found = claims(data(seen, "exchange bound"))
    assert (found["plan"], found["roles"]) == ("own", ["Reader"])
    assert data(seen, "create bound without claims")["cleartext"]
    assert data(seen, "roles of a session") == data(seen, "matched roles") == ["Reader"]
    assert data(seen, "permissions of a session") == ["read"]
    assert data(seen, "matched permissions") == ["read"]
    assert data(seen, "has permissions") is True
    assert data(seen, "has roles") is False
    assert user(seen, "user deactivate")["status"] == "disabled"
    assert refusal(seen, "exchange bound to inactive")[0] == "E111119"
    assert user(seen, "user activate")["status"] == "enabled"
    assert claims(data(seen, "exchange bound to active"))["sub"] == found["sub"]


def test_roles_and_permissions(seen: Seen) -> None:
    own = [each for each in data(seen, "permissions")["permissions"] if not each["systemDefault"]]
    assert [(each["name"], each["description"]) for each in own] == [
        ("read", "to see"),
        ("edit", "to change"),
    ]
    found = {each["name"]: each["permissionNames"] for each in data(seen, "roles")["roles"]}
    assert (found["Reader"], found["Editor"]) == (["read"], ["read", "edit"])
    assert [each["name"] for each in data(seen, "role search")["roles"]] == ["Editor"]
    assert refusal(seen, "permission create again")[1] == "A permission of this name exists"
    assert refusal(seen, "role delete unknown")[1] == "The role does not exist"
    for step in ("role delete", "permission delete", "tenant role"):
        assert data(seen, step) is None


def test_tenants(seen: Seen) -> None:
    first = data(seen, "tenant load")
    assert (first["id"], first["name"]) == ("t1", "One")
    assert first["selfProvisioningDomains"] == ["one.test"]
    assert refusal(seen, "tenant create again")[1] == "A tenant of this id exists"
    (second,) = data(seen, "tenant search")
    assert second["id"] == data(seen, "tenant create another")
    assert (second["customAttributes"], second["authType"]) == ({"a": 2}, "saml")
    assert (second["enforceSSO"], second["disabled"]) == (True, False)
    assert data(seen, "tenants") == [first, second]
    settings = data(seen, "tenant settings")
    assert settings["domains"] == ["one.test"]
    assert settings["selfProvisioningDomains"] == ["join.test"]
    assert (settings["sessionTokenExpiration"], settings["authType"]) == (7, "saml")
    assert data(seen, "tenant delete") is None
    assert refusal(seen, "tenant load deleted")[1] == "The tenant does not exist"


def test_users(seen: Seen) -> None:
    full = user(seen, "user create full")
    assert full["phone"] == "+15555550100"
    assert set(full["loginIds"]) == {"+15555550100", "alias"}
    assert full["userTenants"] == [{"tenantId": "t1", "tenantName": "One", "roleNames": ["Local"]}]
    assert user(seen, "user load") == full
    assert data(seen, "user search")["users"] == [full]
    changed = user(seen, "user login id")
    assert changed["loginIds"] == ["new@x.test"]
    assert (changed["email"], changed["verifiedEmail"]) == ("other@x.test", True)
    assert (changed["phone"], changed["verifiedPhone"]) == ("+15555550199", False)
    names = ("name", "givenName", "middleName", "familyName")
    assert [changed[name] for name in names] == ["Una", "Una", "Maria", "X"]
    assert user(seen, "user update")["name"] == "U"
    assert user(seen, "user patch")["givenName"] == "Ula"
    assert user(seen, "user name")["name"] == "Una"
    assert changed["picture"] == "https://x.test/u.png"
    assert changed["customAttributes"] == {"a": 2}
    batch = data(seen, "user create batch")
    assert [each["loginIds"] for each in batch["createdUsers"]] == [["b1@x.test"]]
    assert [each["failure"] for each in batch["failedUsers"]] == ["A user of this login id exists"]
    assert len(data(seen, "user invite batch")["createdUsers"]) == 1
    assert data(seen, "user delete") is None
    assert refusal(seen, "user load deleted") == ("E112102", "The user does not exist")


def test_roles_tenants_and_applications_of_a_user(seen: Seen) -> None:
    assert user(seen, "user set roles")["roleNames"] == ["Reader"]
    assert user(seen, "user remove roles")["roleNames"] == []
    assert user(seen, "user add roles")["roleNames"] == ["Reader"]
    for step, applications in {
        "add": ["app1", "app2"],
        "remove": ["app2"],
        "set": ["app3"],
    }.items():
        assert user(seen, f"user {step} apps")["ssoAppIds"] == applications
    for step, role_names in {
        "user add tenant": [],
        "user add tenant roles": ["Local", "Reader"],
        "user remove tenant roles": ["Reader"],
        "user set tenant roles": ["Local"],
    }.items():
        (tenant,) = user(seen, step)["userTenants"]
        assert (tenant["tenantId"], tenant["roleNames"]) == ("t1", role_names)
    assert user(seen, "user remove tenant")["userTenants"] == []


def test_a_test_users_session(seen: Seen) -> None:
    signed_in = data(seen, "sign in")
    made = user(seen, "test user")
    assert signed_in["user"]["userId"] == made["userId"]
    assert refusal(seen, "sign in again")[0] == "E061102"
    assert claims(signed_in["token"])["roles"] == ["Reader"]
    for step in ("refresh", "validate and refresh"):
        assert claims(data(seen, step))["sub"] == made["userId"]
    assert claims(data(seen, "refresh with info")["token"])["drn"] == "DS"
    assert claims(data(seen, "select tenant")["token"])["dct"] == "t1"
    assert data(seen, "me") == made | {"status": "enabled"}
    assert data(seen, "logout") is None
    assert refusal(seen, "refresh after logout")[0] == "E064001"
    for step in ("log a user out", "delete test users"):
        assert data(seen, step) is None
    assert refusal(seen, "load a deleted test user")[0] == "E112102"


def test_a_client_assertion(seen: Seen) -> None:
    found = jwt.get_unverified_claims(data(seen, "client assertion")["jwt"])
    assert (found["iss"], found["sub"], found["aud"]) == ("me", "me", "https://as.test/token")
    assert found["exp"] - found["iat"] == 60


def test_what_is_not_emulated_says_so(seen: Seen) -> None:
    code, message = refusal(seen, "not emulated")
    assert (code, message) == (
        "E011001",
        "The local Descope does not emulate POST /v1/mgmt/user/history",
    )
