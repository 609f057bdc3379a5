from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from descope_async import AccessKey, AssociatedTenant, CreatedAccessKey, UnexpectedResponse
from descope_async._calls import wire

KEY: dict[str, Any] = {
    "id": "AK1",
    "name": "ci",
    "roleNames": ["Backend"],
    "keyTenants": [{"tenantId": "t1", "tenantName": "One", "roleNames": ["Admin"], "new": 1}],
    "status": "active",
    "createdTime": 1_700_000_000,
    "expireTime": "1900000000",
    "createdBy": "me",
    "clientId": "c",
    "boundUserId": "",
    "customClaims": {"k": {"nested": [1, None]}},
    "description": "",
    "permittedIps": ["10.0.0.0/8"],
    "editable": True,
    "customAttributes": None,
    "brandNew": {"x": [1]},
}


def encoded(document: object) -> bytes:
    return json.dumps(document).encode()


def test_a_key_is_read_and_written_back() -> None:
    key = wire.read(wire.KeyAnswer, encoded({"key": KEY, "ignored": 1})).key
    assert key.role_names == ("Backend",)
    assert key.key_tenants == (AssociatedTenant("t1", ["Admin"], "One", extra={"new": 1}),)
    assert key.expire_time == 1_900_000_000
    assert key.custom_attributes == {}
    assert key.extra == {"brandNew": {"x": [1]}}
    assert key.to_dict() == {**KEY, "expireTime": 1_900_000_000, "customAttributes": {}}


def test_absent_and_null_members_take_their_defaults() -> None:
    names = [name for name in KEY if name != "id"]
    null = wire.read(wire.KeyAnswer, encoded({"key": {"id": "A", **dict.fromkeys(names)}}))
    absent = wire.read(wire.KeyAnswer, encoded({"key": {"id": "A"}}))
    assert absent.key == AccessKey(id="A")
    assert null.key == AccessKey(id="A", extra={"brandNew": None})


def test_no_name_of_an_unknown_member_has_a_meaning() -> None:
    odd = {"\0extra": {"x": 1}, "extra": [2], "self": None}
    key = wire.read(wire.KeyAnswer, json.dumps({"key": {"id": "A", **odd}}).encode()).key
    assert key == AccessKey(id="A", extra=odd)


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"id": None}, "$.key.id"),
        ({"id": 5}, "$.key.id"),
        ({"name": ["a"]}, "$.key.name"),
        ({"roleNames": "Admin"}, "$.key.roleNames"),
        ({"roleNames": ["a", 5]}, "$.key.roleNames[1]"),
        ({"keyTenants": [{"tenantId": "t"}, {"tenantId": 3}]}, "$.key.keyTenants[1].tenantId"),
        ({"keyTenants": {}}, "$.key.keyTenants"),
        ({"createdTime": 1.5}, "$.key.createdTime"),
        ({"createdTime": True}, "$.key.createdTime"),
        ({"createdTime": "soon"}, "$.key.createdTime"),
        ({"createdTime": "9" * 20}, "$.key.createdTime"),
        ({"createdTime": "--5"}, "$.key.createdTime"),
        ({"createdTime": 2**63}, "$.key.createdTime"),
        ({"customClaims": []}, "$.key.customClaims"),
        ({"editable": 1}, "$.key.editable"),
    ],
)
def test_a_wrong_type_names_its_path(change: dict[str, object], path: str) -> None:
    with pytest.raises(UnexpectedResponse) as caught:
        wire.read(wire.KeyAnswer, encoded({"key": {**KEY, **change}}))
    assert caught.value.path == path
    assert path in str(caught.value)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b"null",
        b'{"key":',
        b"\xff\xfe",
        b'{"key": NaN}',
        b"[" * 100_000,
        b'{"key": {"createdTime": ' + b"9" * 10_000 + b"}}",
    ],
)
def test_what_is_no_json_object_is_refused(body: bytes) -> None:
    with pytest.raises(UnexpectedResponse) as caught:
        wire.read(wire.KeyAnswer, body)
    assert caught.value.__context__ is None


@pytest.mark.parametrize("nothing", ["", None])
def test_a_created_key_without_a_secret_is_none(nothing: str | None) -> None:
    with pytest.raises(UnexpectedResponse) as caught:
        wire.read(CreatedAccessKey, encoded({"key": {"id": "AK1"}, "cleartext": nothing}))
    assert caught.value.path == "$.cleartext"
    assert caught.value.cleartext is None
    assert "canary" not in f"{caught.value}{caught.value!r}"


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(sorted(KEY)), inner),
    )
)
def test_any_json_is_read_or_refused(document: object) -> None:
    try:
        key = wire.read(wire.KeyAnswer, encoded({"key": document})).key
    except UnexpectedResponse as error:
        assert error.path is not None  # noqa: PT017 - both outcomes are right
    else:
        assert wire.read(wire.KeyAnswer, encoded({"key": key.to_dict()})).key == key


@given(st.binary())
def test_any_error_body_is_read(body: bytes) -> None:
    wire.read_error(body)


def test_error_bodies_of_the_service_and_of_gateways() -> None:
    said = wire.read_error(
        encoded({"errorCode": "E011003", "errorDescription": "Bad", "errorMessage": "name"})
    )
    assert said == wire.ServiceError("E011003", "Bad", "name")
    assert wire.read_error(encoded({"message": "no"})).error_message == "no"
    assert wire.read_error(b"<html>") == wire.ServiceError()
    assert wire.read_error(wire.write_error(said).encode()) == said
    assert json.loads(wire.write_error(wire.ServiceError("E1"))) == {"errorCode": "E1"}


def test_update_sends_only_what_is_given() -> None:
    body = wire.update_body(id="a", name="n", key_tenants=None, description=None, role_names=[])
    assert body == {"id": "a", "name": "n", "roleNames": []}
