"""The two packages, held side by side as they are imported."""

from __future__ import annotations

import inspect
import re
from importlib import import_module
from typing import Any

import pytest

import descope_async
import descope_async.compat.access_key
import descope_async.compat.descope_client_async
import descope_async.emulator
import descope_sync
import descope_sync.compat.access_key
import descope_sync.compat.descope_client
import descope_sync.emulator

PAIRS: list[tuple[Any, Any]] = [
    (descope_async.DescopeClient, descope_sync.DescopeClient),
    (descope_async.Management, descope_sync.Management),
    (descope_async.AccessKeys, descope_sync.AccessKeys),
    (descope_async.emulator.Emulator, descope_sync.emulator.Emulator),
    (descope_async.TokenSource, descope_sync.TokenSource),
    (descope_async.AccessKeyVerifier, descope_sync.AccessKeyVerifier),
    (descope_async.compat.DescopeClientAsync, descope_sync.compat.DescopeClient),
    (
        descope_async.compat.descope_client_async.Mgmt,
        descope_sync.compat.descope_client.Mgmt,
    ),
    (
        descope_async.compat.access_key.AccessKeyManagement,
        descope_sync.compat.access_key.AccessKeyManagement,
    ),
]
ROOTS = [pair for pair in PAIRS if pair[1].__name__ in {"DescopeClient", "Emulator"}]
#: The clients, ours and the one with the official SDK's shapes.
CLIENTS = [pair for pair in ROOTS if pair[1].__name__ == "DescopeClient"]
#: The official SDK's blocking and asynchronous clients differ by name.
OFFICIAL = {"DescopeClientAsync": "DescopeClient"}
WITHOUT = {"aopen"}
RENAMED = {"aclose": "close", "__aenter__": "__enter__", "__aexit__": "__exit__"}
BLOCKING = {"AsyncGenerator": "Generator", "AbstractAsyncContextManager": "AbstractContextManager"}


def renamed(text: str) -> str:
    return re.sub(r"\w+", lambda word: RENAMED.get(word[0], word[0]), text)


def public(cls: type) -> dict[str, Any]:
    return {
        renamed(name): member
        for own in reversed(cls.__mro__[:-1])
        for name, member in vars(own).items()
        if name in {*RENAMED, *RENAMED.values(), "__repr__", "__getattr__"}
        or not (name.startswith("_") or name in WITHOUT)
    }


MEMBERS = [
    pytest.param(core, facade, name, id=f"{core.__name__}.{name}")
    for core, facade in PAIRS
    for name in public(core)
    if name != "__getattr__"
]


def test_every_blocking_class_is_compared() -> None:
    compared = {facade for _, facade in PAIRS}
    for module in (descope_sync, descope_sync.emulator, descope_sync.compat):
        for name in module.__all__:
            found = getattr(module, name)
            if inspect.isclass(found) and found.__module__.startswith("descope_sync."):
                assert found in compared or issubclass(found, Exception), name


@pytest.mark.parametrize(("core", "facade"), PAIRS)
def test_the_same_public_names(core: type, facade: type) -> None:
    assert set(public(core)) == set(public(facade))
    assert OFFICIAL.get(core.__name__, core.__name__) == facade.__name__


@pytest.mark.parametrize(("core", "facade"), PAIRS)
def test_the_same_class_docstring(core: type, facade: type) -> None:
    assert core.__doc__
    assert facade.__doc__ == renamed(core.__doc__)


@pytest.mark.parametrize(("core", "facade"), ROOTS)
def test_the_same_construction(core: Any, facade: Any) -> None:
    assert inspect.signature(facade.__init__) == inspect.signature(core.__init__)


@pytest.mark.parametrize(("core", "facade", "name"), MEMBERS)
def test_the_same_member_but_blocking(core: type, facade: type, name: str) -> None:
    ours, theirs = public(core)[name], public(facade)[name]
    if inspect.isclass(getattr(core, name, None)):  # a part, of which the class is shown
        assert (getattr(core, name), getattr(facade, name)) in PAIRS
        return
    assert isinstance(ours, property) == isinstance(theirs, property)
    if isinstance(ours, property):
        ours, theirs = ours.fget, theirs.fget
    assert theirs.__doc__ == (ours.__doc__ and renamed(ours.__doc__))
    assert not inspect.iscoroutinefunction(theirs)
    assert not inspect.isasyncgenfunction(theirs)
    before, after = inspect.signature(ours), inspect.signature(theirs)
    assert after.parameters == before.parameters
    outer = str(before.return_annotation).partition("[")[0]
    if outer in BLOCKING:
        assert str(after.return_annotation).startswith(f"{BLOCKING[outer]}[")
    else:
        assert after.return_annotation == before.return_annotation


@pytest.mark.parametrize(
    ("module", "own"),
    [
        ("", {"BlockingCallInEventLoop", "LoopClosed"}),
        (".emulator", set()),
        (".compat", {"DescopeClient"}),
        (".compat.common", set()),
        (".compat.exceptions", set()),
        (".compat.descope_client_async", {"DescopeClient"}),
    ],
)
def test_the_same_exports(module: str, own: set[str]) -> None:
    core, facade = import_module(f"descope_async{module}"), import_module(f"descope_sync{module}")
    assert set(facade.__all__) == {*core.__all__, *own}
    twins = dict(PAIRS)
    for name in core.__all__:
        here, there = getattr(facade, name), getattr(core, name)
        if inspect.isclass(there) and name not in OFFICIAL:
            there = twins.get(there, there)
        if name == "preload":  # each package imports its own modules
            assert inspect.signature(here) == inspect.signature(there)
        else:
            assert here is there


def test_the_same_version() -> None:
    assert descope_sync.__version__ == descope_async.__version__


def test_the_client_shows_itself_as_in_the_core() -> None:
    core = descope_async.DescopeClient("P1", "K1")
    facade = descope_sync.DescopeClient("P1", "K1")
    assert repr(facade) == repr(core)
    assert facade.project_id == core.project_id


@pytest.mark.parametrize(("root", "twin"), CLIENTS)
def test_resources_are_where_they_are_in_the_core(root: Any, twin: Any) -> None:
    core, facade = root("P1", management_key="K1"), twin("P1", management_key="K1")
    _ = core.mgmt.access_key, facade.mgmt.access_key  # they are made when they are asked for
    pending: list[tuple[Any, Any]] = [(core, facade)]
    compared = 0
    while pending:
        ours, theirs = pending.pop()
        names = {name for name in vars(ours) if not name.startswith("_")}
        assert names == {name for name in vars(theirs) if not name.startswith("_")}
        pending += [(getattr(ours, name), getattr(theirs, name)) for name in names]
        compared += 1
        assert type(theirs) is dict(PAIRS)[type(ours)]
    assert compared == 3
