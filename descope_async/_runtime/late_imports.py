"""Imports that are made when something is first needed: the only place that makes them late.

A process that validates tokens needs no HTTP library, and one that loads an access key needs no
python-jose. To import everything would take longer than such a process runs.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from importlib import import_module
from typing import Any, Final, Generic, TypeVar

from .forks import IMPORT, no_fork_meanwhile

T = TypeVar("T")


class LateImport(Generic[T]):
    """A function that imports something and returns it. Its later calls return the same.

    A fork by another thread waits for the import: a child that is forked in the middle of it would
    find the module half loaded for ever.

    Args:
        load: Imports it. Everything that it imports is typed as usual.

    Attributes:
        is_done: Whether a call would import nothing.
    """

    is_done: bool

    def __init__(self, load: Callable[[], T]) -> None:
        self.is_done = False
        self._load = load
        self._loaded: T
        _ALL.append(self)

    def __call__(self) -> T:
        if not self.is_done:
            with importing():
                self._loaded = self._load()
            self.is_done = True
        return self._loaded


def late_import(load: Callable[[], T]) -> LateImport[T]:
    """Make a `LateImport` of a function, as its decorator."""
    return LateImport(load)


@contextmanager
def importing() -> Generator[None]:
    """A block of imports that a fork by another thread waits for.

    For what may be missing, such as a library that only one extra installs: a `late_import` of it
    would fail in `import_all`.
    """
    with no_fork_meanwhile(IMPORT):
        yield


def late_attribute(module: str, name: str, package: str) -> Any:
    """An attribute of a module that is imported for it: for the faces of packages.

    Args:
        module: The module, as `importlib.import_module` takes it.
        name: The attribute.
        package: The package that a relative name of a module begins in.
    """
    with importing():
        return getattr(import_module(module, package), name)


def import_all() -> None:
    """Make all late imports of the modules that are loaded, and of those that come with them."""
    for each in _ALL:  # which grows meanwhile
        each()


def is_all_imported() -> bool:
    """Whether `import_all` would import nothing."""
    return all(each.is_done for each in _ALL)


_ALL: Final[list[LateImport[Any]]] = []
