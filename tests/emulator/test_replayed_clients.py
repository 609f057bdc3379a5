"""The requests of official SDKs that cannot run here, in the form in which their sources send them.

.NET leaves out what its caller did not give, and writes numbers of 64 bits as texts. Ruby sends
empty lists, null inside of tenants, and its management key for the key set too. PHP sends lists
for empty objects. Go searches without a body. Each sends headers of its own.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from attrs import field, frozen

from descope_async.emulator import Emulator

Ask = Callable[..., Awaitable[tuple[int, dict[str, Any]]]]
Body = dict[str, Any]

MANAGEMENT, ACCESS_KEY, NOBODY = "{project}:{management_key}", "{project}:{secret}", ""
KEYS, EXCHANGE = "/v1/mgmt/accesskey", "/v1/auth/accesskey/exchange"
TENANTS = [{"tenantId": "t1", "roleNames": ["Reader"]}]


@frozen
class Sent:
    """A request, and what its answer must say.

    Attributes:
        method: The HTTP method.
        path: The path; ``{id}`` stands for the id of the key that was created.
        body: The body; None for none.
        bearer: What follows ``Bearer`` in the Authorization header; empty for no header.
        status: The status of the answer.
        says: Members of the answer, or of the key in it.
    """

    method: str
    path: str
    body: Body | None = None
    bearer: str = MANAGEMENT
    status: int = 200
    says: Body = field(factory=dict[str, Any])


def lives(
    sdk: str, create: Body, *, search: Body | None, exchange: Body, key_set: str
) -> list[Sent]:
    """What an SDK does with one key from its creation to its end."""
    kept: Body = {name: create[name] for name in ("name", "description") if name in create}
    return [
        Sent("POST", f"{KEYS}/create", create, says={**kept, "status": "active"}),
        Sent("GET", f"{KEYS}?id={{id}}", says=kept),
        Sent("POST", f"{KEYS}/search", search),
        Sent("POST", EXCHANGE, exchange, ACCESS_KEY, says={"keyId": "{id}"}),
        Sent("GET", "/v2/keys/{project}", None, key_set),
        Sent("POST", f"{KEYS}/update", {"id": "{id}", "name": sdk}, says={"name": sdk}),
        Sent("POST", f"{KEYS}/deactivate", {"id": "{id}"}),
        Sent("POST", EXCHANGE, exchange, ACCESS_KEY, 401, {"errorCode": "E111119"}),
        Sent("POST", f"{KEYS}/activate", {"id": "{id}"}),
        Sent("POST", EXCHANGE, exchange, ACCESS_KEY),
        Sent("POST", f"{KEYS}/delete", {"id": "{id}"}),
        Sent("GET", f"{KEYS}?id={{id}}", status=404, says={"errorCode": "E011004"}),
    ]


REPLAYS: dict[str, list[Sent]] = {
    "dotnet": lives("dotnet", {"name": "k"}, search={}, exchange={}, key_set=NOBODY),
    "dotnet, with everything": lives(
        "dotnet",
        {
            "name": "k",
            "expireTime": "2000000000",
            "roleNames": ["Reader"],
            "keyTenants": TENANTS,
            "customClaims": {"a": 1},
            "description": "d",
            "permittedIps": ["127.0.0.1"],
        },
        search={"tenantIds": ["t1"], "sort": [{"field": "name", "desc": True}], "text": "k"},
        exchange={"loginOptions": {"customClaims": {"b": 2}, "selectedTenant": "t1"}},
        key_set=NOBODY,
    ),
    "ruby": lives(
        "ruby",
        {"name": "k", "roleNames": [], "keyTenants": [{"tenantId": "t1", "roleNames": None}]},
        search={},
        exchange={"loginOptions": {}},
        key_set=MANAGEMENT,
    ),
    "ruby, for an audience": lives(
        "ruby",
        {"name": "k", "roleNames": [], "keyTenants": []},
        search={"tenantIds": []},
        exchange={"loginOptions": {}, "audience": "https://x.test"},
        key_set=MANAGEMENT,
    ),
    "php": lives(
        "php",
        {
            "name": "k",
            "expireTime": 0,
            "roleNames": [],
            "keyTenants": [],
            "customClaims": [],
            "permittedIps": [],
        },
        search={"tenantIds": []},
        exchange={},
        key_set=NOBODY,
    ),
    "golang": lives(
        "golang",
        {
            "name": "k",
            "expireTime": 0,
            "roleNames": None,
            "keyTenants": [],
            "userId": "",
            "customClaims": None,
            "description": "",
            "permittedIps": None,
            "customAttributes": None,
        },
        search=None,
        exchange={},
        key_set="{project}",
    ),
}


def filled(value: Any, known: dict[str, str]) -> Any:
    if isinstance(value, str):
        for name, text in known.items():
            value = value.replace(f"{{{name}}}", text)
        return value
    if isinstance(value, dict):
        return {name: filled(each, known) for name, each in value.items()}
    if isinstance(value, list):
        return [filled(each, known) for each in value]
    return value


@pytest.mark.parametrize("client", REPLAYS)
async def test_an_sdk_takes_it_for_the_real_one(client: str, emulator: Emulator, ask: Ask) -> None:
    await emulator.create_role("Reader", ["read"])
    await emulator.create_tenant("t1", "One")
    known = {"project": emulator.project_id, "management_key": emulator.management_key}
    sdk = client.partition(",")[0]
    for sent in REPLAYS[client]:
        headers = {"x-descope-sdk-name": sdk, "Content-Type": "application/json"}
        if sdk != "php":
            headers["x-descope-project-id"] = emulator.project_id
        bearer = filled(sent.bearer, known) or None
        arguments = {} if sent.body is None else {"json": filled(sent.body, known)}
        path = filled(sent.path, known)
        status, answer = await ask(sent.method, path, bearer, headers=headers, **arguments)
        assert status == sent.status, (sent, answer)
        if "cleartext" in answer:
            known |= {"id": answer["key"]["id"], "secret": answer["cleartext"]}
        shown = answer.get("key", answer)
        assert {name: shown[name] for name in sent.says} == filled(sent.says, known)
        if sent.path.endswith("/search"):
            assert [each["id"] for each in answer["keys"]] == [known["id"]]
        if sent.path.startswith("/v2/keys"):
            assert {each["kty"] for each in answer["keys"]} == {"RSA"}
