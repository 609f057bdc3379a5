"""What a session token says and grants."""

from __future__ import annotations

import json
import pickle
from typing import Any

import pytest

from descope_async import InvalidArgument, SessionToken, TenantAccess
from descope_async._values.strict_json import ReadOnlyDict

SESSION = SessionToken(
    jwt="j",
    key_id="k",
    project_id="p",
    expire_time=0,
    claims={
        "permissions": ["read", "write"],
        "roles": ["Admin"],
        "tenants": {"t1": {"permissions": ["tenant:read"], "roles": ["TAdmin"]}, "t2": {}},
    },
)


def test_a_session_is_made_of_claims_or_of_their_json() -> None:
    claims: dict[str, Any] = {"roles": ["Admin"], "dct": "t1", "nsec": {"job": 1}, "list": [[1]]}
    made = [
        SessionToken(jwt="j", key_id="k", project_id="p", expire_time=0, claims=given)
        for given in (claims, json.dumps(claims).encode())
    ]
    for session in made:
        assert session.claims == {**claims, "roles": ("Admin",), "list": ((1,),)}
        assert isinstance(session.claims, ReadOnlyDict)
        assert (session.roles, session.permissions) == (("Admin",), ())
        assert session.tenants == {"t1": TenantAccess((), ("Admin",))}
        assert (session.current_tenant, session.client_claims) == ("t1", {"job": 1})
        again = pickle.loads(pickle.dumps(session))  # noqa: S301 - our own
        assert again == session
        assert again.claims == session.claims
        for name in ("roles", "claims", "tenants"):
            with pytest.raises(AttributeError):
                setattr(session, name, ())
    assert made[0] == made[1]
    claims["roles"] = ["Other"]
    assert made[0].roles == made[0].claims["roles"] == ("Admin",)


@pytest.mark.parametrize("given", ["{}", [("roles", ["Admin"])], None, bytearray(b"{}")])
def test_a_session_is_made_of_nothing_else(given: Any) -> None:
    with pytest.raises(InvalidArgument, match="claims must be a mapping"):
        SessionToken(jwt="j", key_id="k", project_id="p", expire_time=0, claims=given)


@pytest.mark.parametrize("signed", [b"", b"[]", b'{"a":1,"a":2}', b"\xff"])
def test_a_session_is_not_made_of_something_else(signed: bytes) -> None:
    session = SessionToken(jwt="j", key_id="k", project_id="p", expire_time=0, claims=signed)
    with pytest.raises(InvalidArgument, match="claims"):
        session.validate_roles(["Admin"])


def test_all_named_permissions_must_be_granted() -> None:
    assert SESSION.validate_permissions([])
    assert SESSION.validate_permissions(["read", "write"])
    assert not SESSION.validate_permissions(["read", "delete"])
    assert SESSION.get_matched_permissions(["delete", "read"]) == ["read"]
    assert SESSION.validate_roles(["Admin"])
    assert not SESSION.validate_roles(["admin"])
    assert SESSION.get_matched_roles(["Admin", "x"]) == ["Admin"]


def test_a_tenant_grants_only_to_those_who_belong_to_it() -> None:
    assert SESSION.validate_tenant_permissions("t1", ["tenant:read"])
    assert SESSION.validate_tenant_roles("t1", ["TAdmin"])
    assert not SESSION.validate_tenant_permissions("t1", ["read"])
    assert SESSION.validate_tenant_permissions("t2", [])
    assert not SESSION.validate_tenant_permissions("t3", [])
    assert not SESSION.validate_tenant_roles("t3", [])
    assert SESSION.get_matched_tenant_roles("t1", ["TAdmin", "x"]) == ["TAdmin"]
    assert SESSION.get_matched_tenant_permissions("t3", ["tenant:read"]) == []


def test_a_single_string_is_no_list_of_permissions() -> None:
    with pytest.raises(InvalidArgument):
        SESSION.validate_permissions("read")
    for tenant in ("t1", "unknown"):
        with pytest.raises(InvalidArgument):
            SESSION.validate_tenant_roles(tenant, "TAdmin")


def test_nothing_is_granted_for_want_of_a_list() -> None:
    for missing in (None, 5, [None], [""]):
        with pytest.raises(InvalidArgument):
            SESSION.validate_permissions(missing)  # type: ignore[arg-type]  # the point of the test
        with pytest.raises(InvalidArgument):
            SESSION.validate_roles(missing)  # type: ignore[arg-type]  # the point of the test
    with pytest.raises(InvalidArgument, match="tenant must be"):
        SESSION.validate_tenant_roles(["t1"], [])  # type: ignore[arg-type]  # the point of the test


def test_what_was_decoded_last_is_not_taken_for_another() -> None:
    claims = [{"roles": [role], "permissions": [], "tenants": {role: {}}} for role in "abc"]
    sessions = [
        SessionToken(
            jwt="j", key_id="k", project_id="p", expire_time=0, claims=json.dumps(each).encode()
        )
        for each in claims
    ]
    for session, role in [*zip(sessions, "abc", strict=True), (sessions[0], "a")]:
        assert (session.roles, session.permissions) == ((role,), ())
        assert dict(session.tenants) == {role: TenantAccess()}


@pytest.mark.parametrize("odd", [[["Admin"]], [{"a": 1}], [1, True, None], "Admin", {"Admin": 1}])
def test_a_role_that_is_no_string_is_none(odd: Any) -> None:
    made = SessionToken(
        jwt="j",
        key_id="k",
        project_id="p",
        expire_time=0,
        claims={"roles": odd, "permissions": ["a"]},
    )
    assert (made.roles, made.permissions) == ((), ("a",))
    encoded = json.dumps({"roles": ["Admin", odd]}).encode()
    read = SessionToken(jwt="j", key_id="k", project_id="p", expire_time=0, claims=encoded)
    assert read.roles == (("Admin", odd) if isinstance(odd, str) else ("Admin",))
