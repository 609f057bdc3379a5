from __future__ import annotations

import asyncio
import json
import pickle
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

import pytest
from attrs import AttrsInstance
from attrs.exceptions import FrozenInstanceError
from hypothesis import given
from hypothesis import strategies as st

from descope_async import AccessKey, AssociatedTenant, CreatedAccessKey, UnexpectedResponse
from descope_async._calls import wire
from descope_async._calls.kept import Kept
from descope_async._calls.members import Misfit
from descope_async._calls.shortcuts import shortcut
from descope_async._calls.structuring import structure
from tests.core.calls.json_texts import FLOATS
from tests.core.calls.key_answers import KEY, encoded
from tests.steps import steps

V = TypeVar("V", bound=AttrsInstance)


def read(cls: type[V], body: bytes) -> V:
    return asyncio.run(wire.read(cls, body))


def test_a_key_is_read_and_written_back() -> None:
    key = read(wire.KeyAnswer, encoded({"key": KEY, "ignored": 1})).key
    assert key.role_names == ("Backend",)
    assert key.key_tenants == (AssociatedTenant("t1", ["Admin"], "One", extra={"new": 1}),)
    assert key.expire_time == 1_900_000_000
    assert key.custom_attributes == {}
    assert key.extra == {"brandNew": {"x": (1,)}}
    assert key.to_dict() == {**KEY, "expireTime": 1_900_000_000, "customAttributes": {}}


def test_absent_and_null_members_take_their_defaults() -> None:
    names = [name for name in KEY if name != "id"]
    null = read(wire.KeyAnswer, encoded({"key": {"id": "A", **dict.fromkeys(names)}}))
    absent = read(wire.KeyAnswer, encoded({"key": {"id": "A"}}))
    assert absent.key == AccessKey(id="A")
    assert null.key == AccessKey(id="A", extra={"brandNew": None})


def test_no_name_of_an_unknown_member_has_a_meaning() -> None:
    odd = {"\0extra": {"x": 1}, "extra": [2], "self": None}
    key = read(wire.KeyAnswer, json.dumps({"key": {"id": "A", **odd}}).encode()).key
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
        read(wire.KeyAnswer, encoded({"key": {**KEY, **change}}))
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
        read(wire.KeyAnswer, body)
    assert caught.value.__context__ is None


@pytest.mark.parametrize("nothing", ["", None])
def test_a_created_key_without_a_secret_is_none(nothing: str | None) -> None:
    with pytest.raises(UnexpectedResponse) as caught:
        read(CreatedAccessKey, encoded({"key": {"id": "AK1"}, "cleartext": nothing}))
    assert caught.value.path == "$.cleartext"
    assert caught.value.cleartext is None
    assert "canary" not in f"{caught.value}{caught.value!r}"


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | FLOATS | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(sorted(KEY)), inner),
    )
)
def test_any_json_is_read_or_refused(document: object) -> None:
    try:
        key = read(wire.KeyAnswer, encoded({"key": document})).key
    except UnexpectedResponse as error:
        assert error.path is not None  # noqa: PT017 - both outcomes are right
    else:
        assert read(wire.KeyAnswer, encoded({"key": key.to_dict()})).key == key


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


def test_update_sends_only_what_is_given() -> None:
    body = wire.update_body(id="a", name="n", key_tenants=None, description=None, role_names=[])
    assert json.loads(body) == {"id": "a", "name": "n", "roleNames": []}


@pytest.mark.parametrize(
    "key",
    [
        b'{"id":"a","customClaims":{"x":[' + b"[]," * 100_000 + b"1]}}",
        b'{"id":"a","keyTenants":[' + b"{}," * 100_000 + b"{}]}",
    ],
)
def test_more_members_than_can_be_needed_are_refused(key: bytes) -> None:
    with pytest.raises(UnexpectedResponse, match="members") as caught:
        read(wire.KeyAnswer, b'{"key":%b}' % key)
    assert caught.value.path == "$"


def test_a_text_with_many_commas_is_one_member() -> None:
    key = {"id": "a", "description": "," * 200_000}
    assert len(read(wire.KeyAnswer, encoded({"key": key})).key.description) == 200_000


def wrong_roles(count: int) -> bytes:
    return encoded({"key": {"id": "a", "roleNames": [1] * count}})


def wrong_tenants(count: int) -> bytes:
    return encoded({"key": {"id": "a", "keyTenants": [{}] * count}})


@pytest.mark.parametrize("answer", [wrong_roles, wrong_tenants])
def test_the_first_wrong_member_ends_the_work(answer: Callable[[int], bytes]) -> None:
    def attempt(body: bytes) -> None:
        with pytest.raises(UnexpectedResponse):
            read(wire.KeyAnswer, body)

    few, many = (steps(attempt, answer(count)) for count in (1_000, 20_000))
    assert many < few + 1_000, "19,000 more members were looked at"


@given(
    st.dictionaries(
        st.sampled_from([*KEY, "unknown"]),
        st.none()
        | st.booleans()
        | st.integers()
        | st.text(max_size=3)
        | st.lists(st.text(max_size=2) | st.integers(), max_size=2)
        | st.lists(st.fixed_dictionaries({"tenantId": st.text(max_size=2)}), max_size=2)
        | st.dictionaries(st.text(max_size=2), st.lists(st.integers(), max_size=2), max_size=2),
    )
)
def test_the_short_way_reads_what_the_long_way_reads(document: dict[str, Any]) -> None:
    document = {"id": "A", **document}
    with suppress(Misfit):
        short = shortcut(AccessKey)(document, Kept())
        assert short == structure(document, AccessKey)
        assert type(short) is AccessKey
        assert pickle.loads(pickle.dumps(short)) == short  # noqa: S301 - our own


@given(
    st.dictionaries(
        st.sampled_from(["key", "cleartext", "unknown"]),
        st.none() | st.text(max_size=3) | st.just({"id": "A"}) | st.just({"id": 1}) | st.just([]),
    )
)
def test_so_it_does_with_what_holds_values(document: dict[str, Any]) -> None:
    for cls in (CreatedAccessKey, wire.KeyAnswer):
        with suppress(Misfit):
            short = shortcut(cls)(document, Kept())
            assert short == structure(document, cls)
            assert type(short) is cls


def test_what_the_short_way_reads_is_frozen() -> None:
    usual = {name: value for name, value in KEY.items() if name != "expireTime"}
    key = shortcut(AccessKey)(usual, Kept())
    for attribute in ("name", "extra"):
        with pytest.raises(FrozenInstanceError):
            setattr(key, attribute, "x")
    with pytest.raises(TypeError, match="read-only"):
        key.custom_claims["k"]["nested"] = 1
    assert key.custom_claims == {"k": {"nested": (1, None)}}
    assert key == read(wire.KeyAnswer, encoded({"key": usual})).key
