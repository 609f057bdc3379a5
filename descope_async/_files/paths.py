"""Paths of files, as users write them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import cast

from descope_async.errors import ConfigurationError, InvalidArgument


def file_path(name: str, given: object) -> Path:
    """The path of a file that a caller passed.

    Args:
        name: The parameter, for errors.
        given: The path.

    Raises:
        InvalidArgument: It is what no file system has: another type, no name, a NUL, or a character that
            the encoding of file names lacks.
        ConfigurationError: As `at_home`.
    """
    path = _path(given)
    if path is None:
        raise InvalidArgument(
            f"{name} must be the path of a file, in characters that names of files can have"
        )
    return path


def _path(given: object) -> Path | None:
    if not isinstance(given, str | os.PathLike):
        return None
    path: object = os.fspath(cast("str | os.PathLike[str]", given))
    if not isinstance(path, str):
        return None
    try:
        has_nul = b"\0" in os.fsencode(path)
    except UnicodeEncodeError:
        return None
    found = at_home(path)
    return found if found.name and not has_nul else None


def canonical(path: str | os.PathLike[str]) -> str:
    """One text for all ways to write a file's path: no symlinks, and case told apart by no file system."""
    return os.path.realpath(path).casefold()


def at_home(path: str | os.PathLike[str]) -> Path:
    """The path that a user wrote: ``~`` at its beginning is a home folder, as in a shell.

    Raises:
        ConfigurationError: There is no such home folder.
    """
    return Path(with_home(os.fspath(path)))


def with_home(path: str) -> str:
    """As `at_home`, with everything else as it is written.

    Raises:
        ConfigurationError: There is no such home folder.
    """
    expanded = os.path.expanduser(path)  # noqa: PTH111 - Path.expanduser takes ./~ for ~
    if path.startswith("~") and expanded == path:
        raise ConfigurationError(
            f"{path} begins with ~, and there is no such home folder: set HOME, or write ./ before it"
        )
    return expanded
