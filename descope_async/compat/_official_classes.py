"""The official SDK's own exception classes, in a program that has that SDK too."""

from __future__ import annotations

import sys
from contextlib import suppress
from importlib import import_module
from importlib.metadata import PackageNotFoundError, distribution
from importlib.util import find_spec
from typing import Final, TypeVar, cast

from descope_async._runtime.late_imports import importing

E = TypeVar("E", bound=Exception)

#: One class for each set of parents.
_JOINED: Final[dict[tuple[type[Exception], ...], type[Exception]]] = {}


def theirs_or(own: type[E]) -> type[E]:
    """The official class of the same name, which catches both SDKs' exceptions; else this one."""
    if "descope" not in sys.modules and _is_installed():
        # A program may import it later, and use the name that is imported now. What goes wrong in
        # another's import is told where the program imports it.
        with suppress(Exception), importing():
            import_module("descope.exceptions")
    return cast("type[E]", _official(own) or own)


def joined(own: type[E], *bases: type[Exception]) -> type[E]:
    """A class to raise: this one, and the official one of the same name where that is loaded.

    Args:
        own: Ours.
        bases: What stands between the two.
    """
    official = _official(own)
    if official is None:
        return own
    parents: tuple[type[Exception], ...] = (own, *bases, official)
    if parents not in _JOINED:
        named = {"__module__": own.__module__, "__doc__": own.__doc__}
        _JOINED[parents] = type(own.__name__, parents, named)
    return cast("type[E]", _JOINED[parents])


def _official(own: type[Exception]) -> type[Exception] | None:
    found = getattr(sys.modules.get("descope.exceptions"), own.__name__, None)
    return found if isinstance(found, type) and issubclass(found, Exception) else None


def _is_installed() -> bool:
    """Whether the module ``descope`` is the official SDK, and no module of the program's own."""
    try:
        expected = distribution("descope").locate_file("descope/__init__.py")
        found = find_spec("descope")
    except (PackageNotFoundError, ImportError, ValueError):
        return False
    return found is not None and found.origin == str(expected)
