"""Every value goes anywhere: into dicts, JSON and pickles, without its secrets unless they are asked for."""

from __future__ import annotations

import copy
import importlib
import inspect
import json
import pickle
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import attrs
import pytest
from attrs import fields, has

from descope_async import AccessKeyLoginOptions, CreatedAccessKey, DPoPRequest
from descope_async._values.value import Value
from descope_async.batch import KeyChange, NewKey
from descope_async.events import Call
from tests.api.snapshot import names_of, public_modules
from tests.core.values.every_value import CANARY, KEY, REPORT, SECRETIVE, SESSION, VALUES, name_of

#: Values in words of others, which this package shares no code with, or only passes on.
OTHERS = ("descope_async.emulator.", "descope_async.compat.common")


def public_attrs_classes() -> Iterator[type[Any]]:
    for name in public_modules():
        if not name.startswith("descope_sync.integrations.django"):  # it imports no other values
            try:
                module = importlib.import_module(name)
            except ModuleNotFoundError:  # an extra is missing; no adapter has values of its own
                continue
            for each in (getattr(module, name) for name in names_of(name) or ()):
                if inspect.isclass(each) and has(each) and not each.__module__.startswith(OTHERS):
                    yield each


def test_every_public_value_is_tried_here() -> None:
    assert {type(value) for value in VALUES} == set(public_attrs_classes())


@pytest.mark.parametrize("value", VALUES, ids=name_of)
def test_every_value_is_json_without_its_secret(value: Value) -> None:
    document = value.to_dict()
    text = json.dumps(document, allow_nan=False)
    assert json.loads(text) == document, "plain dicts and lists alone"
    assert CANARY not in text
    names = [each.name for each in fields(type(value)) if each.repr]  # type: ignore[arg-type]  # an attrs class
    said = [each for each in names if each[0] != "_" and getattr(value, each) not in ("", (), None)]
    assert len(document) >= len(said) - 1, "`extra` and `call` are part of it"


@pytest.mark.parametrize("value", VALUES, ids=name_of)
def test_every_value_is_shown_and_compared_by_its_attributes(value: Value) -> None:
    shown = repr(value)
    assert shown.startswith(f"{type(value).__name__}(")
    assert CANARY not in shown
    for each in fields(type(value)):  # type: ignore[arg-type]  # an attrs class
        part = f"{each.name}={getattr(value, each.name)!r}"
        if each.repr is True and not isinstance(value, DPoPRequest):  # it leaves out what is usual
            assert part in shown
        elif not each.repr:
            assert f"{each.name}=" not in shown
    same = copy.copy(value)
    if isinstance(value, Call):
        assert value != same, "two calls may look the same"
    else:
        assert value == same
        if not isinstance(
            value, NewKey | KeyChange
        ):  # they hold what the caller passed, such as lists
            assert hash(value) == hash(same)
    changed = [
        attrs.evolve(value, **{each.alias: _other(getattr(value, each.name))})  # type: ignore[misc]
        for each in fields(type(value))  # type: ignore[arg-type]
        if each.eq and each.init and each.name != "dpop"  # it has few values
        if isinstance(getattr(value, each.name), str | float)
    ]
    assert value not in changed
    assert value != value.to_dict()
    assert value.__eq__(object()) is NotImplemented


def _other(given: str | float) -> str | float:
    return given + "x" if isinstance(given, str) else given + 1


@pytest.mark.parametrize("value", SECRETIVE, ids=name_of)
def test_a_secret_is_in_the_dict_when_it_is_asked_for(value: Any) -> None:
    assert CANARY in json.dumps(value.to_dict(secrets=True))


def test_the_dict_of_a_key_has_the_names_of_the_service() -> None:
    document = CreatedAccessKey(KEY, CANARY).to_dict(secrets=True)
    assert document["cleartext"] == CANARY
    assert document["key"]["customClaims"] == {"list": [{"a": [1]}]}
    assert document["key"]["unknown"] == {"x": [1]}
    assert document["key"]["keyTenants"][0] == {
        "tenantId": "t1",
        "roleNames": ["Admin"],
        "tenantName": "",
        "new": [1],
    }
    document["key"]["customClaims"]["list"].append(2)
    assert KEY.custom_claims["list"] == ({"a": (1,)},), "the dict is a copy"


def test_the_dict_of_a_session_says_what_it_grants() -> None:
    document = SESSION.to_dict()
    assert document["roles"] == ["Admin"]
    assert document["tenants"] == {"t1": {"permissions": ["read"], "roles": []}}
    assert document["claims"]["nsec"] == {"a": [1]}


def test_values_are_frozen_in_depth() -> None:
    for mapping in (KEY.custom_claims, KEY.extra, KEY.key_tenants[0].extra, SESSION.claims):
        with pytest.raises(TypeError):
            mapping["x"] = 1  # type: ignore[index]  # the point of the test
    options = AccessKeyLoginOptions({"a": [1]})
    assert options.custom_claims == {"a": (1,)}


@pytest.mark.parametrize("value", VALUES, ids=name_of)
def test_every_value_is_asked_for_secrets_alike(value: Value) -> None:
    assert value.to_dict(secrets=False) == value.to_dict()
    assert value.to_dict(secrets=True).keys() >= value.to_dict().keys()


@pytest.mark.parametrize("value", VALUES, ids=name_of)
def test_vars_of_a_value_are_its_dict(value: Value) -> None:
    assert vars(value) == value.to_dict()
    assert json.loads(json.dumps([value], default=vars)) == [value.to_dict()]
    assert all(hasattr(value, name) for name in dir(value) if name[0] != "_"), (
        "the dict's names are no attributes"
    )
    again = pickle.loads(pickle.dumps(value))  # noqa: S301 - our own
    assert again.to_dict(secrets=True) == copy.copy(value).to_dict(secrets=True)
    assert again.to_dict(secrets=True) == value.to_dict(secrets=True)


def test_moments_and_paths_are_written_as_json_has_them() -> None:
    moment = datetime(2026, 1, 2, tzinfo=UTC)
    assert NewKey("ci", moment).to_dict()["expire_time"] == int(moment.timestamp())
    document = REPORT.to_dict()
    assert document["path"] == "report.jsonl"
    assert document["failures"] == [
        {"number": 0, "label": "ci", "outcome": "failed", "references": ["file:a"], "problem": "no"}
    ]


@pytest.mark.parametrize("value", SECRETIVE, ids=name_of)
def test_tools_that_read_slots_find_no_secret(value: Any) -> None:
    assert CANARY in str(attrs.asdict(value)), "attrs was asked for all"
    assert attrs.evolve(value) == value
    msgspec = pytest.importorskip("msgspec")
    written = msgspec.json.encode(value)
    assert CANARY.encode() not in written
    assert len(written) > 2


def test_pydantic_is_imported_by_nobody_here() -> None:
    script = "import sys, descope_async; descope_async.AccessKey; descope_async.SessionToken; "
    script += "sys.exit(any(name.startswith('pydantic') for name in sys.modules))"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
