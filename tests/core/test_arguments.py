from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from enum import Enum, IntEnum
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from descope_async import AccessKeyLoginOptions, AssociatedTenant, InvalidArgument, SortField
from descope_async import _arguments as arguments
from descope_async._values.secret import Secret
from descope_async.secret_stores._stored_text import credential

CANARY = "K2canarySecretThatMustNotShow"

CHECKS: list[Callable[[str, Any], object]] = [
    arguments.identifier,
    arguments.identifiers,
    arguments.text,
    arguments.label,
    arguments.labels,
    arguments.expiry,
    arguments.tenants,
    arguments.addresses,
    arguments.json_object,
    arguments.login_options,
    arguments.sort_fields,
    arguments.audience,
]

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@pytest.mark.parametrize("check", CHECKS)
@given(value=anything)
def test_any_value_is_taken_or_refused_by_name(
    check: Callable[[str, Any], object], value: object
) -> None:
    try:
        check("the_parameter", value)
    except InvalidArgument as error:
        assert "the_parameter" in str(error)  # noqa: PT017 - both outcomes are right


def test_expiry_takes_seconds_and_aware_datetimes() -> None:
    moment = datetime(2030, 1, 1, 2, tzinfo=timezone(timedelta(hours=2)))
    assert arguments.expiry("expire_time", 0) == 0
    assert arguments.expiry("expire_time", 1_893_456_000) == 1_893_456_000
    assert arguments.expiry("expire_time", moment) == 1_893_456_000


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (-1, "negative"),
        (True, "bool"),
        (1.5, "float"),
        ("0", "str"),
        (1_893_456_000_000, "milliseconds"),
        (datetime(2030, 1, 1), "time zone"),  # noqa: DTZ001 - the mistake under test
        (datetime(1970, 1, 1, tzinfo=UTC), "1970"),
        (math.nan, "float"),
    ],
)
def test_expiry_refuses(value: object, why: str) -> None:
    with pytest.raises(InvalidArgument, match=why):
        arguments.expiry("expire_time", value)


def test_a_batch_needs_ids_and_each_once() -> None:
    assert arguments.identifiers("ids", ("a", " b ")) == ["a", "b"]
    with pytest.raises(InvalidArgument, match="empty"):
        arguments.identifiers("ids", [])
    with pytest.raises(InvalidArgument, match="'a' more than once"):
        arguments.identifiers("ids", ["a", "b", "a "])
    with pytest.raises(InvalidArgument, match="not a single str"):
        arguments.identifiers("ids", "abc")
    with pytest.raises(InvalidArgument, match=r"ids\[1\]"):
        arguments.identifiers("ids", ["a", None])


@pytest.mark.parametrize("value", ["Admin", b"bytes", 5, [""], [None], {"a": 1}.values()])
def test_role_names_must_be_a_list_of_names(value: object) -> None:
    with pytest.raises(InvalidArgument, match="role_names"):
        arguments.labels("role_names", value)


def test_a_tenant_refuses_a_single_role_string() -> None:
    with pytest.raises(InvalidArgument, match="list of names"):
        AssociatedTenant("t1", "Admin")


@pytest.mark.parametrize(
    "address", ["10.0.0.1", "10.0.0.0/8", "10.1.2.3/8", "::1", "2001:db8::/32", "0.0.0.0/0"]
)
def test_addresses_and_ranges_are_taken(address: str) -> None:
    assert arguments.addresses("permitted_ips", [address]) == [address]


@pytest.mark.parametrize(
    "address",
    [
        "10.0.0",
        "10.0.0.256",
        "10.0.0.0/33",
        "10.0.0.0/255.0.0.0",
        "fe80::1%eth0",
        "host",
        "1.2.3.4/",
    ],
)
def test_malformed_addresses_are_refused(address: str) -> None:
    with pytest.raises(InvalidArgument, match=r"permitted_ips\[0\]"):
        arguments.addresses("permitted_ips", [address])


def test_json_objects_must_be_json() -> None:
    circle: dict[str, object] = {}
    circle["self"] = circle
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]
    for value in ({1: "a"}, {"a": object()}, {"a": math.nan}, {"a": "\ud800"}, circle, {"a": deep}):
        with pytest.raises(InvalidArgument, match=r"^custom_claims"):
            arguments.json_object("custom_claims", value)


def test_json_objects_are_copied_with_all_that_is_in_them() -> None:
    given = {"a": {"b": [1]}, "c": (2, 3)}
    taken = arguments.login_options("login_options", {"custom_claims": given})
    given["a"]["b"].append(2)  # type: ignore[index]
    assert taken.custom_claims == {"a": {"b": (1,)}, "c": (2, 3)}


@pytest.mark.parametrize("value", [None, "5", True, -1, 61, float("nan"), float("inf"), 10**400])
def test_seconds_have_bounds(value: object) -> None:
    with pytest.raises(InvalidArgument, match=r"^spread must be from 0 to 60 seconds$"):
        arguments.seconds("spread", value, 0, 60)
    assert arguments.seconds("spread", 60, 0, 60) == 60.0


def test_mappings_stand_for_the_small_values() -> None:
    assert arguments.tenants("key_tenants", [{"tenant_id": " t\n", "role_names": ["r"]}]) == [
        AssociatedTenant("t", ["r"])
    ]
    assert arguments.sort_fields("sort", [{"field": "name", "desc": True}]) == [
        SortField("name", desc=True)
    ]
    assert arguments.login_options("login_options", {"selected_tenant": "t"}) == (
        AccessKeyLoginOptions(selected_tenant="t")
    )
    with pytest.raises(InvalidArgument, match="no field 'tenantId', only tenant_id"):
        arguments.tenants("key_tenants", [{"tenantId": "t"}])
    with pytest.raises(InvalidArgument, match="tenant_id"):
        arguments.tenants("key_tenants", [{}])
    with pytest.raises(InvalidArgument, match="desc must be"):
        arguments.sort_fields("sort", [{"field": "name", "desc": "yes"}])


def test_what_is_checked_is_what_is_sent() -> None:
    options = AccessKeyLoginOptions(MappingProxyType({"a": 1}), " t ")
    checked = arguments.login_options("login_options", options)
    assert isinstance(checked.custom_claims, dict)
    assert checked.selected_tenant == "t"
    for roles in (["\ud800"], [" "], ["a\0b"]):
        with pytest.raises(InvalidArgument, match="role_names"):
            arguments.tenants("key_tenants", [{"tenant_id": "t", "role_names": roles}])


def test_a_huge_batch_is_checked_quickly() -> None:
    ids = [f"K{number}" for number in range(50_000)]
    with pytest.raises(InvalidArgument, match="'K49999' more than once"):
        arguments.identifiers("ids", [*ids, ids[-1]])


class Pretender(str):
    """A string that shows itself as another."""

    __slots__ = ()

    def __str__(self) -> str:
        return "pretended\n"

    def strip(self, chars: str | None = None, /) -> str:
        return f"pretended{chars}"

    def encode(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:
        return f"pretended {encoding} {errors}".encode()


class Colour(str, Enum):  # noqa: UP042 - a StrEnum shows its value
    """Shows itself by the name of the member before Python 3.12."""

    RED = "K2abc"


class Age(IntEnum):
    """A number that has a name."""

    OLD = 1_900_000_000


@pytest.mark.parametrize("check", [arguments.identifier, arguments.text, arguments.label])
def test_what_is_checked_is_what_is_used(check: Callable[[str, object], str]) -> None:
    for value, meant in ((Pretender("AK1"), "AK1"), (Colour.RED, "K2abc")):
        found = check("id", value)
        assert type(found) is str
        assert found == meant
    found = credential("access_key", Secret(Pretender("K2abc"))).reveal()
    assert type(found) is str
    assert found == "K2abc"
    assert credential("access_key", Secret(Colour.RED)).reveal() == "K2abc"
    with pytest.raises(InvalidArgument):
        credential("access_key", Secret(Pretender("K2 abc")))
    with pytest.raises(InvalidArgument, match="not bytes"):
        check("id", b"AK1")


def test_a_number_with_a_name_is_that_number() -> None:
    found = arguments.expiry("expire_time", Age.OLD)
    assert type(found) is int
    assert found == 1_900_000_000
