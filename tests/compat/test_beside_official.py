"""The same calls on the official client and on ours, and the same dicts and exceptions."""

from __future__ import annotations

import inspect
import json
from typing import Any

import descope
import pytest
from descope.management.access_key import AccessKey
from descope.management.access_key_async import AccessKeyAsync

from descope_async.compat.access_key import AccessKeyManagement as AsyncManagement
from descope_sync import compat
from descope_sync.compat.access_key import AccessKeyManagement

FULL: dict[str, Any] = {
    "expire_time": 2_100_000_000,
    "role_names": ["Reader"],
    "custom_claims": {"k": {"deep": [1, {"x": None}]}},
    "description": "hé",
    "permitted_ips": ["127.0.0.1", "10.0.0.0/8"],
    "custom_attributes": {"team": "a"},
}
#: What a second call cannot give again.
VOLATILE = {"id", "clientId", "cleartext", "createdTime", "iat", "exp", "jwt"}


def masked(value: Any) -> Any:
    """A result with the type in place of what differs from call to call."""
    if isinstance(value, dict):
        return {
            name: type(item).__name__ if name in VOLATILE else masked(item)
            for name, item in value.items()
        }
    return [masked(item) for item in value] if isinstance(value, list) else value


def plain(value: Any) -> None:
    """Nothing but JSON's own types, which callers may change."""
    assert type(value) in {dict, list, str, int, float, bool, type(None)}
    for item in value.values() if isinstance(value, dict) else value if type(value) is list else ():
        plain(item)


def same(theirs: Any, ours: Any) -> None:
    plain(ours)
    assert json.loads(json.dumps(ours)) == ours
    assert masked(ours) == masked(theirs)


@pytest.mark.parametrize(
    "arguments",
    [
        {"name": "n"},
        {"name": "n", **FULL},
        {"name": "n", "role_names": [], "key_tenants": [], "permitted_ips": [], "description": ""},
        {"name": "n", "user_id": "", "custom_claims": {}, "custom_attributes": {}},
    ],
)
def test_create_load_search_rotate(official: Any, ours: Any, arguments: dict[str, Any]) -> None:
    created = ours("mgmt.access_key.create", **arguments)
    same(official("mgmt.access_key.create", **arguments), created)
    key_id = created["key"]["id"]
    loaded = ours("mgmt.access_key.load", key_id)
    assert loaded == official("mgmt.access_key.load", key_id)
    assert loaded == {"key": created["key"]}
    found = ours("mgmt.access_key.search_all_access_keys")
    assert found == official("mgmt.access_key.search_all_access_keys")
    plain(found)
    same(official("mgmt.access_key.rotate", key_id), ours("mgmt.access_key.rotate", key_id))


def test_tenants_in_each_package_s_words(official: Any, ours: Any) -> None:
    theirs = [descope.AssociatedTenant("t1", ["Reader"]), descope.AssociatedTenant("t2")]
    mine = [compat.AssociatedTenant("t1", ["Reader"]), compat.AssociatedTenant("t2")]
    created = ours("mgmt.access_key.create", "n", 0, None, mine)
    same(official("mgmt.access_key.create", "n", 0, None, theirs), created)
    searches: list[dict[str, Any]] = [
        {"tenant_ids": ["t2"]},
        {"tenant_ids": ["none"]},
        {"bound_user_id": "u"},
        {"bound_user_id": "", "creating_user": ""},
    ]
    for criteria in searches:
        found = ours("mgmt.access_key.search_all_access_keys", **criteria)
        assert found == official("mgmt.access_key.search_all_access_keys", **criteria)


@pytest.mark.parametrize(
    ("operation", "changed"),
    [
        ("deactivate", {"status": "inactive"}),
        ("activate", {"status": "active"}),
        ("deactivate_batch", {"status": "inactive"}),
        ("activate_batch", {"status": "active"}),
        ("update", {"name": "new", "description": "d"}),
        ("update", {"name": "new", "permitted_ips": [], "custom_claims": {"k": 1}}),
    ],
)
def test_calls_without_a_result(
    official: Any, ours: Any, operation: str, changed: dict[str, Any]
) -> None:
    keys = [ours("mgmt.access_key.create", "n", **FULL)["key"]["id"] for _ in range(2)]
    for client, key_id in zip((official, ours), keys, strict=True):
        if operation.startswith("activate"):
            client("mgmt.access_key.deactivate", key_id)
        arguments: dict[str, Any] = {"id": key_id}
        if operation.endswith("batch"):
            arguments = {"ids": [key_id]}
        if operation == "update":
            arguments |= changed
        assert client(f"mgmt.access_key.{operation}", **arguments) is None
    theirs, mine = (official("mgmt.access_key.load", key_id) for key_id in keys)
    assert masked(mine) == masked(theirs)
    assert mine["key"].items() >= {k: v for k, v in changed.items() if "_" not in k}.items()


def test_deleting(official: Any, ours: Any) -> None:
    keys = [ours("mgmt.access_key.create", "n")["key"]["id"] for _ in range(3)]
    assert ours("mgmt.access_key.delete", keys[0]) is None
    assert ours("mgmt.access_key.delete_batch", keys[1:]) is None
    assert official("mgmt.access_key.search_all_access_keys") == {"keys": []}


@pytest.mark.parametrize("selected", [None, "t1"])
@pytest.mark.parametrize(
    "grants",
    [
        {},
        {"role_names": ["Reader", "Writer"]},
        {"key_tenants": [{"tenant_id": "t1", "role_names": ["Reader"]}, {"tenant_id": "t2"}]},
    ],
)
def test_sessions(official: Any, ours: Any, grants: dict[str, Any], selected: str | None) -> None:
    created = ours("mgmt.access_key.create", "n", custom_claims={"k": {"l": [1]}}, **grants)
    secret = created["cleartext"]
    options: dict[str, Any] = {"custom_claims": {"c": [1, 2]}}
    if selected and "key_tenants" in grants:
        options["selected_tenant"] = selected
    theirs = official(
        "exchange_access_key", secret, login_options=descope.AccessKeyLoginOptions(**options)
    )
    for given in (options, compat.AccessKeyLoginOptions(**options)):
        same(theirs, ours("exchange_access_key", secret, login_options=given))
    jwt = theirs["sessionToken"]["jwt"]
    validated = ours("validate_session", jwt)
    assert validated == official("validate_session", jwt)
    plain(validated)
    validated["sessionToken"]["k"]["l"].append(2)  # the caller's own, and nobody else's
    assert ours("validate_session", jwt)["sessionToken"]["k"] == {"l": [1]}


@pytest.mark.parametrize(
    ("call", "arguments"),
    [
        ("exchange_access_key", ("nope",)),
        ("exchange_access_key", ("",)),
        ("exchange_access_key", (None,)),
        ("mgmt.access_key.load", ("nope",)),
        ("mgmt.access_key.rotate", ("nope",)),
        ("mgmt.access_key.update", ("nope", "n")),
        ("mgmt.access_key.delete", ("nope",)),
        ("mgmt.access_key.create", ("",)),
        ("mgmt.access_key.delete", ("",)),
        ("mgmt.access_key.delete_batch", ([],)),
    ],
)
def test_the_same_refusals(official: Any, ours: Any, call: str, arguments: tuple[Any, ...]) -> None:
    theirs = official.outcome(call, *arguments)
    mine: Any = ours.outcome(call, *arguments)
    assert type(theirs) is descope.AuthException
    assert isinstance(mine, compat.AuthException)
    assert mine.status_code == theirs.status_code
    if mine.error_type == theirs.error_type == compat.ERROR_TYPE_SERVER_ERROR:
        assert json.loads(str(mine.error_message)) == json.loads(str(theirs.error_message))
        assert str(mine) == str(theirs)
    else:  # refused before it was sent
        assert mine.error_type == "invalid argument"


def test_a_wrong_management_key(settings: dict[str, Any], caplog: pytest.LogCaptureFixture) -> None:
    settings["management_key"] = "Kwrong"
    clients: list[Any] = [
        descope.DescopeClient(**{**settings, "skip_verify": False}),
        compat.DescopeClient(**settings),
    ]
    errors: list[Any] = []
    for client in clients:
        with pytest.raises((descope.AuthException, compat.AuthException)) as caught:
            client.mgmt.access_key.load("x")
        errors.append(caught.value)
    assert [error.status_code for error in errors] == [401, 401]
    assert "Kwrong" not in caplog.text + str(errors)


def parameters(method: Any) -> list[tuple[str, Any]]:
    return [(each.name, each.default) for each in inspect.signature(method).parameters.values()]


@pytest.mark.parametrize(
    ("theirs", "mine"), [(AccessKey, AccessKeyManagement), (AccessKeyAsync, AsyncManagement)]
)
def test_the_same_parameters_of_management(theirs: type, mine: type) -> None:
    public = {name for name in vars(theirs) if not name.startswith("_")}
    assert public == {name for name in vars(mine) if not name.startswith("_")}
    for name in public:
        assert parameters(getattr(mine, name)) == parameters(getattr(theirs, name)), name


CLIENTS = [
    (descope.DescopeClient, compat.DescopeClient),
    (descope.DescopeClientAsync, compat.DescopeClientAsync),
]
#: What ours have beyond the official ones.
ADDED = {"validate_session_nowait", "close"}


@pytest.mark.parametrize(("theirs", "mine"), CLIENTS)
def test_the_same_parameters_of_the_client(theirs: Any, mine: Any) -> None:
    members = {name for own in mine.__mro__[:-1] for name in vars(own)}
    for name in {name for name in members if not name.startswith("_")} - ADDED:
        assert parameters(getattr(mine, name)) == parameters(getattr(theirs, name)), name
    before, after = parameters(theirs.__init__), parameters(mine.__init__)
    assert [name for name, _ in after][: len(before)] == [name for name, _ in before]
    assert dict(after) == {**dict(before), "project_id": None, "issuers": None, "ssl": None}


@pytest.mark.parametrize(("theirs", "mine"), CLIENTS)
def test_every_other_part_says_what_to_use(
    theirs: Any, mine: Any, settings: dict[str, Any]
) -> None:
    client, original = mine(**settings), theirs(**{**settings, "skip_verify": False})
    for holder, shown, official_holder in [
        (client, "client", original),
        (client.mgmt, "client.mgmt", original.mgmt),
    ]:
        names = {name for name in dir(type(official_holder)) if not name.startswith("_")}
        missing = {name for name in names - {"ALGORITHM_KEY"} if not hasattr(holder, name)}
        assert len(missing) > 15
        for name in missing:
            with pytest.raises(compat.UnsupportedFeature) as caught:
                getattr(holder, name)
            said = str(caught.value)
            assert said.startswith(f"{shown}.{name} ")
            assert "official SDK" in said or "request_id" in said
        with pytest.raises(AttributeError, match=f"{shown} has no attribute 'acces_key'") as typo:
            _ = holder.acces_key
        assert type(typo.value) is AttributeError


@pytest.mark.parametrize("package", [compat, pytest.importorskip("descope_async.compat")])
def test_every_official_name_is_there_or_says_where(package: Any) -> None:
    public = [
        name
        for name, found in vars(descope).items()
        if not name.startswith("_") and not inspect.ismodule(found)
    ]
    assert len(public) > 40
    for name in public:
        try:
            found = getattr(package, name)
        except ImportError as error:
            assert "import it from descope" in str(error)  # noqa: PT017 - either is right
            continue
        original = getattr(descope, name)
        if not inspect.isclass(original):
            assert found == original
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        _ = package.Nothing
    with pytest.raises(ImportError, match="UserObj is not about access keys"):
        from descope_sync.compat import UserObj  # type: ignore[attr-defined]  # noqa: F401


@pytest.mark.parametrize("module", ["common", "exceptions"])
def test_constants(module: str) -> None:
    original = pytest.importorskip(f"descope.{module}")
    ours = pytest.importorskip(f"descope_sync.compat.{module}")
    compared = 0
    for name in ours.__all__:
        if name.isupper() and hasattr(original, name):
            assert getattr(ours, name) == getattr(original, name)
            compared += 1
    assert compared >= 5
    assert {each.name: each.value for each in compat.DeliveryMethod} == {
        each.name: each.value for each in descope.DeliveryMethod
    }
    for cls in ("RoleMapping", "AttributeMapping", "AssociatedTenant", "AccessKeyLoginOptions"):
        theirs, mine = parameters(getattr(descope, cls)), parameters(getattr(compat, cls))
        assert [name for name, _ in mine][: len(theirs)] == [name for name, _ in theirs]
