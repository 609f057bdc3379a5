"""What is generated: which classes of which module, under which names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

HAND_WRITTEN: Final = {
    "_generate",
    "_blocking_calls.py",
    "_green_threads.py",
    "_held.py",
    "_loop.py",
    "_portal.py",
    "_running_loop.py",
    "_termination.py",
    "py.typed",
    "integrations",
}
#: What descope_sync has beyond the names of descope_async, by module.
ADDED: Final = {"BlockingCallInEventLoop": "._running_loop", "LoopClosed": "._loop"}


@dataclass(frozen=True)
class Facade:
    """A module to write.

    Attributes:
        source: The module of descope_async, as a path in it.
        target: The module of descope_sync.
        roots: Classes that users construct.
        children: Classes that users get from a root.
        bases: Classes that a root or a child inherits from.
        exports: A module whose other public names the module shares; None for none. A class under
            another name than its twin is shared as well.
        nowait: By its name, what to try before a method, where that is not ``<name>_nowait``.
        names: By its name in the core, what a class is called here, where that differs.
        without: Methods that blocking code does not need.
        during: A context manager of this package that is entered on the calling thread for each
            awaited method, as ``module.name``; None for none.
    """

    source: str
    target: str
    roots: Sequence[str] = ()
    children: Sequence[str] = ()
    bases: Sequence[str] = ()
    exports: str | None = None
    nowait: Mapping[str, str] = field(default_factory=dict[str, str])
    names: Mapping[str, str] = field(default_factory=dict[str, str])
    without: Sequence[str] = ()
    during: str | None = None


@dataclass(frozen=True)
class Twin:
    """A blocking class.

    Attributes:
        name: What it is called.
        module: The module of descope_sync that it is in, dotted.
    """

    name: str
    module: str


FACADES: Final = (
    Facade("access_keys/_existing.py", "_existing_access_keys.py", bases=["ExistingAccessKeys"]),
    Facade("access_keys/__init__.py", "access_keys.py", children=["AccessKeys"]),
    Facade("client/_authentication.py", "_authentication.py", bases=["Authentication"]),
    Facade("client/__init__.py", "client.py", roots=["DescopeClient"], children=["Management"]),
    Facade(
        "token_source.py",
        "token_source.py",
        children=["TokenSource"],
        nowait={"token": "get_nowait"},
    ),
    Facade("verifier.py", "verifier.py", children=["AccessKeyVerifier"]),
    Facade("events/__init__.py", "events.py", exports="events/__init__.py"),
    Facade(
        "batch/_batch.py",
        "batch.py",
        roots=["Batch"],
        exports="batch/__init__.py",
        during="_termination.termination_interrupts",
    ),
    Facade(
        "emulator/emulator.py", "emulator.py", roots=["Emulator"], exports="emulator/__init__.py"
    ),
    Facade("compat/_grants.py", "compat/_grants.py", bases=["Grants"]),
    Facade("compat/access_key.py", "compat/access_key.py", children=["AccessKeyManagement"]),
    Facade(
        "compat/descope_client_async.py",
        "compat/descope_client.py",
        roots=["DescopeClientAsync"],
        children=["Mgmt"],
        names={"DescopeClientAsync": "DescopeClient"},
        without=["aopen"],
    ),
    *(
        Facade(f"compat/{name}.py", f"compat/{name}.py", exports=f"compat/{name}.py")
        for name in ("__init__", "common", "descope_client_async", "exceptions")
    ),
)


def homes_of(facades: Iterable[Facade]) -> dict[str, Twin]:
    """The blocking class of each class that has one, by the latter's name."""
    return {
        name: Twin(
            facade.names.get(name, name), facade.target.removesuffix(".py").replace("/", ".")
        )
        for facade in facades
        for name in (*facade.roots, *facade.children, *facade.bases)
    }
