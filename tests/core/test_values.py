from __future__ import annotations

import copy
import inspect
import json
import pickle
import time
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from descope_async import (
    AccessKey,
    CreatedAccessKey,
    DescopeError,
    InvalidArgument,
    SessionToken,
    TenantAccess,
    errors,
)
from descope_async._calls.retry_rules import retry_after
from descope_async._secret import Secret
from descope_async._strict_json import ReadOnlyDict

ERRORS = [
    cls for _, cls in inspect.getmembers(errors, inspect.isclass) if issubclass(cls, DescopeError)
]


@pytest.mark.parametrize("cls", ERRORS)
def test_every_error_can_be_pickled(cls: type[DescopeError]) -> None:
    error = cls("what happened", operation="access_key.load")
    error.request_id = "r1"
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own
    assert type(again) is cls
    assert str(again) == "what happened"
    assert vars(again) == vars(error)


def test_an_unknown_outcome_keeps_its_secret() -> None:
    error = errors.OutcomeUnknown("what happened")
    assert error.cleartext is None
    error.result = CreatedAccessKey(AccessKey(id="a"), "the secret")
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own
    assert again.cleartext == "the secret"
    assert again.result == error.result
    assert "the secret" not in repr(error) + str(error) + repr(vars(error))


def test_the_tree_in_the_docstring_is_the_tree() -> None:
    drawn = errors.__doc__ or ""
    for cls in ERRORS:
        assert f" {cls.__name__} " in drawn.replace("\n", " \n"), cls


def test_times_come_as_seconds_and_as_datetimes() -> None:
    key = AccessKey(id="a", created_time=0, expire_time=1_893_456_000)
    assert key.created_at == datetime(1970, 1, 1, tzinfo=UTC)
    assert key.expires_at == datetime(2030, 1, 1, tzinfo=UTC)
    assert AccessKey(id="a").expires_at is None
    assert AccessKey(id="a", expire_time=2**62).expires_at == datetime.max.replace(tzinfo=UTC)


def test_an_expired_key_is_not_active() -> None:
    past, future = int(time.time()) - 1, int(time.time()) + 100  # noqa: TID251 - the real clock
    assert AccessKey(id="a", status="active").is_active
    assert AccessKey(id="a", status="active", expire_time=future).is_active
    assert not AccessKey(id="a", status="active", expire_time=past).is_active
    assert not AccessKey(id="a", status="inactive").is_active


def test_printing_shows_no_secret() -> None:
    created = CreatedAccessKey(AccessKey(id="a"), "canary")
    session = SessionToken(jwt="canary", key_id="k", project_id="p", expire_time=0)
    secret = Secret("canary")
    assert "canary" not in f"{created}{created!r}{session}{session!r}{secret}{secret!r}"
    with pytest.raises(TypeError):
        pickle.dumps(secret)
    with pytest.raises(TypeError):
        copy.copy(secret)


def test_values_are_hashable_picklable_and_frozen() -> None:
    key = AccessKey(id="a", custom_claims={"k": [1]})
    assert hash(key) == hash(copy.deepcopy(key))
    assert pickle.loads(pickle.dumps(key)) == key  # noqa: S301 - our own
    with pytest.raises(AttributeError):
        key.name = "x"  # type: ignore[misc]  # the point of the test


def test_claims_are_read_only_and_still_a_dict() -> None:
    claims = ReadOnlyDict({"a": ReadOnlyDict({"b": (1,)})})
    assert json.loads(json.dumps(claims)) == {"a": {"b": [1]}}
    assert pickle.loads(pickle.dumps(claims)) == claims  # noqa: S301 - our own
    assert copy.deepcopy(claims) == claims
    changes: list[Any] = [
        lambda: claims.update(x=1),
        lambda: claims.pop("a"),
        lambda: claims.setdefault("x", 1),
        claims.clear,
        lambda: claims.__setitem__("x", 1),
        lambda: claims.__delitem__("a"),
        lambda: claims.__ior__({"x": 1}),
    ]
    for change in changes:
        with pytest.raises(TypeError, match="read-only"):
            change()


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


NOW = 1_700_000_000


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("", None),
        ("soon", None),
        ("10", 10),
        ("1.5", 1.5),
        ("-5", None),
        ("nan", None),
        ("inf", None),
        ("1e3", None),
        ("9" * 400, 86_400),
        ("99999999999", 86_400),
        ("Tue, 14 Nov 2023 22:13:50 GMT", 30),
        ("Tue, 14 Nov 2023 22:00:00 GMT", 0),
        ("Tue, 14 Nov 99999 22:13:50 GMT", None),
    ],
)
def test_retry_after(header: str | None, seconds: float | None) -> None:
    assert retry_after(header, now=NOW) == seconds


@given(st.text())
@example("0\x1f")
def test_any_retry_after_is_bounded(header: str) -> None:
    seconds = retry_after(header, now=NOW)
    assert seconds is None or 0 <= seconds <= 86_400
