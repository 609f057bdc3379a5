"""Permissions and roles in the official SDK's dicts: as there, but for what is stricter here."""

from __future__ import annotations

from typing import Any

import descope
import pytest
from hypothesis import given
from hypothesis import strategies as st

from descope_sync import compat

PROJECT = "P1"
OFFICIAL: Any = descope.DescopeClient(PROJECT)
OURS: Any = compat.DescopeClient(PROJECT)

NAMES = st.sampled_from(["read", "write", "list"])
LISTS = st.lists(NAMES, max_size=3)
ACCESS = st.fixed_dictionaries({}, optional={"permissions": LISTS, "roles": LISTS})
TENANTS = st.dictionaries(st.sampled_from(["t1", "t2"]), ACCESS, max_size=2)
CLAIMS = st.fixed_dictionaries(
    {"sub": st.just("K1")},
    optional={"permissions": LISTS, "roles": LISTS, "tenants": TENANTS},
)


def exchanged(claims: dict[str, Any]) -> dict[str, Any]:
    """The official result of an exchange, for a token with these claims."""
    return {
        "sessionToken": {**claims, "jwt": "…"},
        "permissions": claims.get("permissions", []),
        "roles": claims.get("roles", []),
        "tenants": claims.get("tenants", {}),
        "projectId": PROJECT,
        "keyId": "K1",
    }


def validated(claims: dict[str, Any]) -> dict[str, Any]:
    """The official result of a validation."""
    return {**claims, **exchanged(claims), "userId": "K1"}


SHAPES = [exchanged, validated, dict]


def answers(client: Any, response: Any, tenant: str, wanted: Any) -> list[Any]:
    return [
        client.validate_permissions(response, wanted),
        client.get_matched_permissions(response, wanted),
        client.validate_roles(response, wanted),
        client.get_matched_roles(response, wanted),
        client.validate_tenant_permissions(response, tenant, wanted),
        client.get_matched_tenant_permissions(response, tenant, wanted),
        client.validate_tenant_roles(response, tenant, wanted),
        client.get_matched_tenant_roles(response, tenant, wanted),
    ]


@given(
    CLAIMS,
    st.sampled_from(SHAPES),
    st.sampled_from(["t1", "t2", "t3"]),
    st.one_of(LISTS, NAMES),
)
def test_as_the_official_sdk(claims: dict[str, Any], shape: Any, tenant: str, wanted: Any) -> None:
    response = shape(claims)
    assert answers(OURS, response, tenant, wanted) == answers(OFFICIAL, response, tenant, wanted)


@pytest.mark.parametrize("nothing", [None, {}])
@pytest.mark.parametrize("wanted", [[], ["read"]])
def test_no_session_grants_nothing(nothing: Any, wanted: list[str]) -> None:
    expected = [False, [], False, [], False, [], False, []]
    assert answers(OFFICIAL, nothing, "t1", wanted) == expected
    assert answers(OURS, nothing, "t1", wanted) == expected


@pytest.mark.parametrize("shape", SHAPES)
def test_the_selected_tenant_counts(shape: Any) -> None:
    """With ``dct`` and no ``tenants``, the top level speaks of the selected tenant."""
    response = shape({"sub": "K1", "dct": "t1", "permissions": ["read"], "roles": ["R"]})
    assert OURS.validate_tenant_permissions(response, "t1", ["read"])
    assert OURS.get_matched_tenant_roles(response, "t1", ["R", "S"]) == ["R"]
    assert not OURS.validate_tenant_permissions(response, "t2", [])
    assert not OFFICIAL.validate_tenant_permissions(response, "t1", ["read"])
    listed = shape({"sub": "K1", "dct": "t1", "permissions": ["read"], "tenants": {"t1": {}}})
    assert not OURS.validate_tenant_permissions(listed, "t1", ["read"])
    assert OURS.validate_tenant_permissions(listed, "t1", [])
    elsewhere = shape({"sub": "K1", "dct": "t1", "permissions": ["read"], "tenants": {}})
    if shape is dict or shape is validated:
        assert not OURS.validate_tenant_permissions(elsewhere, "t1", ["read"])


@pytest.mark.parametrize("shape", SHAPES)
def test_a_claim_of_the_wrong_type_grants_nothing(shape: Any) -> None:
    response = shape({"sub": "K1", "roles": "admin-readonly", "tenants": {"t1": {"roles": "ab"}}})
    assert not OURS.validate_roles(response, ["admin"])
    assert not OURS.validate_tenant_roles(response, "t1", ["a"])
    assert OURS.get_matched_tenant_roles(response, "t1", ["a"]) == []
    for broken in ({"tenants": {"t1": None}}, {"permissions": None, "tenants": "t1"}, {"dct": 1}):
        expected = [False, [], False, [], False, [], False, []]
        assert answers(OURS, shape({"sub": "K1", **broken}), "t1", ["x"]) == expected


def test_an_empty_tenant_is_no_tenant() -> None:
    """The official SDK takes it for the project."""
    response = exchanged({"permissions": ["read"]})
    assert OFFICIAL.validate_tenant_permissions(response, "", ["read"])
    assert not OURS.validate_tenant_permissions(response, "", ["read"])


@pytest.mark.parametrize("response", ["jwt", ["x"], 3])
@pytest.mark.parametrize("method", ["validate_permissions", "get_matched_roles"])
def test_something_else_than_a_session_is_refused(response: Any, method: str) -> None:
    with pytest.raises(compat.AuthException, match="jwt_response must be what") as caught:
        getattr(OURS, method)(response, ["x"])
    assert (caught.value.status_code, caught.value.error_type) == (400, "invalid argument")


@pytest.mark.parametrize("wanted", [None, 3, [None], [""]])
def test_bad_names_are_refused(wanted: Any) -> None:
    with pytest.raises(compat.AuthException) as caught:
        OURS.validate_permissions(exchanged({}), wanted)
    assert caught.value.status_code == 400
    with pytest.raises(compat.AuthException, match="tenant must be a string"):
        OURS.validate_tenant_roles(exchanged({}), None, [])
