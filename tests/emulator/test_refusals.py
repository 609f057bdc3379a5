"""What is refused of tenants, roles, permissions and users, and with which words."""

from __future__ import annotations

from typing import Any

import pytest

from tests.emulator.fixture_types import Ask, Do


@pytest.mark.parametrize(
    ("path", "body", "status", "message"),
    [
        ("tenant/create", {"name": ""}, 400, "The name field is required"),
        ("tenant/create", {"id": "t1", "name": "again"}, 409, "A tenant of this id exists"),
        ("tenant/create", {"name": "x", "parent": "t404"}, 404, "The tenant does not exist"),
        ("tenant/update", {"id": "", "name": ""}, 400, "The id field is required"),
        ("tenant/update", {"id": "someId", "name": ""}, 400, "The name field is required"),
        ("tenant/update", {"id": "t404", "name": "x"}, 404, "The tenant does not exist"),
        ("tenant/delete", {"id": ""}, 400, "The id field is required"),
        ("tenant/delete", {"id": "t404"}, 404, "The tenant does not exist"),
        ("role/create", {}, 400, "The name field is required"),
        ("role/create", {"name": "Tenant Admin"}, 409, "A role of this name exists"),
        ("role/update", {"name": "r404", "newName": "x"}, 404, "The role does not exist"),
        ("role/update", {"id": "ROL404", "newName": "x"}, 404, "The role does not exist"),
        ("role/update", {"name": "r1", "newName": "Tenant Admin"}, 409, "A role of this name"),
        ("role/delete", {"name": ""}, 400, "The name field is required"),
        ("permission/create", {"name": "SSO Admin"}, 409, "A permission of this name exists"),
        ("permission/update", {"name": "p404"}, 404, "The permission does not exist"),
        ("permission/update", {"name": "Impersonate", "newName": "SSO Admin"}, 409, "A permission"),
        ("permission/delete", {"id": "PER404"}, 404, "The permission does not exist"),
        ("user/create", {"email": "u@x.test"}, 400, "The loginId field is required"),
        ("user/create", {"loginId": "u1"}, 409, "A user of this login id exists"),
        ("user/create", {"loginId": "u2", "status": "gone"}, 400, "The status field must be"),
        ("user/update/status", {"loginId": "u1"}, 400, "The status field is required"),
        ("user/update/loginid", {"userId": "U1", "newLoginId": "n"}, 400, "The loginId field is"),
        ("user/update/status", {"loginId": "u1", "status": "x"}, 400, "The status field must be"),
        ("user/update/loginid", {"loginId": "u1", "newLoginId": ""}, 400, "A user needs a login"),
        ("user/update/tenant/add", {"loginId": "u1"}, 400, "The tenantId field is required"),
        ("user/delete", {}, 400, "The loginId field is required"),
        ("user/delete", {"loginId": "u404"}, 404, "The user does not exist"),
        ("user/delete", {"userId": "U404"}, 404, "The user does not exist"),
    ],
)
async def test_refusals(
    do: Do, manage: Ask, path: str, body: dict[str, Any], status: int, message: str
) -> None:
    await do("tenant/create", {"id": "t1", "name": "One"})
    await do("user/create", {"loginId": "u1"})
    await do("role/create", {"name": "r1"})
    found, answer = await manage(path, body)
    assert found == status
    assert answer["errorMessage"].startswith(message)
