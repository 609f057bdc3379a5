"""The comparison with other SDKs says what the official Python SDK and this package can do."""

from __future__ import annotations

import inspect
import re

import pytest
from descope import DescopeClient as OfficialClient
from descope import DescopeClientAsync as OfficialClientAsync
from descope.management.access_key import AccessKey as OfficialKeys

import descope_async
from descope_async import AccessKeys, DescopeClient, SessionToken
from descope_sync.emulator import Emulator
from tests.docs.pages import ROOT


def rows() -> dict[str, list[str]]:
    """The cells of each row by its full name: a part such as "… sorted" follows its whole."""
    text = (ROOT / "docs/explanation/other-sdks.md").read_text(encoding="utf-8")
    found: dict[str, list[str]] = {}
    whole = ""
    for line in text.splitlines():
        if line.startswith("| ") and not line.startswith("| ---"):
            name, *cells = [cell.strip() for cell in line.strip("|").split("|")]
            if name.startswith("…"):
                name = f"{whole} {name}"
            else:
                whole = name.split(":")[0]
            found[name] = cells
    return found


ROWS = rows()
PY = {name: cells[0] for name, cells in ROWS.items()}


def takes(function: object, parameter: str) -> str:
    return "yes" if parameter in inspect.signature(function).parameters else "no"  # type: ignore[arg-type]  # a function


def has(owner: type, *names: str) -> str:
    return "yes" if all(hasattr(owner, name) for name in names) else "no"


OFFICIAL = {
    "create … user, description, permitted IPs": takes(OfficialKeys.create, "permitted_ips"),
    "create … custom attributes": takes(OfficialKeys.create, "custom_attributes"),
    "search by tenants … bound user, creator, custom attributes": takes(
        OfficialKeys.search_all_access_keys, "bound_user_id"
    ),
    "search by tenants … sorted": takes(OfficialKeys.search_all_access_keys, "sort"),
    "search by tenants … by text": takes(OfficialKeys.search_all_access_keys, "text"),
    "update … description, claims, permitted IPs": takes(OfficialKeys.update, "permitted_ips"),
    "update … roles, tenants": takes(OfficialKeys.update, "role_names"),
    "update … custom attributes": takes(OfficialKeys.update, "custom_attributes"),
    "activate, deactivate, delete": has(OfficialKeys, "activate", "deactivate", "delete"),
    "activate, deactivate, delete … many at once": has(OfficialKeys, "delete_batch"),
    "rotate": has(OfficialKeys, "rotate"),
    "exchange … with custom claims": takes(OfficialClient.exchange_access_key, "login_options"),
    "exchange … for an audience": takes(OfficialClient.exchange_access_key, "audience"),
    "check a token … bound to its holder's key (DPoP)": takes(
        OfficialClient.validate_session, "dpop"
    ),
    "the caller's request id, for the audit": takes(OfficialClient, "external_request_id"),
    "tokens kept and renewed": has(OfficialClient, "token_source"),
}


@pytest.mark.parametrize("row", OFFICIAL)
def test_the_column_of_the_official_python_sdk_is_true(row: str) -> None:
    assert PY[row] == OFFICIAL[row]


def test_the_two_official_clients_can_do_the_same() -> None:
    for name in ("exchange_access_key", "validate_session"):
        blocking, awaited = getattr(OfficialClient, name), getattr(OfficialClientAsync, name)
        assert list(inspect.signature(blocking).parameters) == list(
            inspect.signature(awaited).parameters
        )


def test_the_official_update_gives_no_key_back(emulator: Emulator) -> None:
    client = OfficialClient(
        emulator.project_id, management_key=emulator.management_key, base_url=emulator.base_url
    )
    made = client.mgmt.access_key.create("a")
    assert PY["update … gives the key back"] == "no"
    assert client.mgmt.access_key.update(made["key"]["id"], "b") is None


def test_what_this_package_is_said_to_have_is_there() -> None:
    methods = {*dir(AccessKeys), *dir(DescopeClient), *dir(SessionToken)}
    functions = (
        getattr(owner, name)
        for owner in (AccessKeys, DescopeClient)
        for name in dir(owner)
        if not name.startswith("_")
    )
    parameters = {
        name
        for function in [DescopeClient, *(each for each in functions if callable(each))]
        for name in inspect.signature(function).parameters
    }
    for cells in ROWS.values():
        for name in re.findall(r"`([\w=…]+)`", cells[-1]):
            if name.endswith("="):
                assert name[:-1] in parameters, name
            elif name.startswith("…"):
                assert [each for each in methods if each.endswith(name[1:])], name
            else:
                known = name in methods or hasattr(descope_async, name)
                assert known or name == "Emulator", name
