"""What Python code passes to an emulator; a value of a wrong type is refused by name."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final, cast

from .errors import EmulatorError

_HEADER: Final = re.compile(r"[ -~]{0,200}\Z")


def text(name: str, value: object) -> str:
    """A string that is not empty."""
    if not isinstance(value, str) or not value:
        raise EmulatorError(f"{name} must be a non-empty string, not {_shown(value)}")
    return value


def header(name: str, value: object) -> str:
    """The value of an HTTP header, or nothing."""
    if not isinstance(value, str) or not _HEADER.match(value):
        raise EmulatorError(f"{name} must be at most 200 printable ASCII characters")
    return value


def integer(name: str, value: object, allowed: range, meaning: str) -> int:
    """An integer in a range; `meaning` is the range in words."""
    if isinstance(value, bool) or not isinstance(value, int) or value not in allowed:
        raise EmulatorError(f"{name} must be {meaning}, not {_shown(value)}")
    return value


def number(name: str, value: object, least: float, most: float, meaning: str) -> float:
    """A number between two others or equal to one; `meaning` is that in words."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise EmulatorError(f"{name} must be {meaning}, not {_shown(value)}")
    return float(value)


def flag(name: str, value: object) -> bool:
    """A boolean."""
    if not isinstance(value, bool):
        raise EmulatorError(f"{name} must be True or False, not {_shown(value)}")
    return value


def path(name: str, value: object) -> Path:
    """A path in the file system, in which ``~`` at the beginning is a home folder."""
    if not isinstance(value, str | os.PathLike) or "\0" in str(cast("object", value)):
        raise EmulatorError(f"{name} must be the path of a file, not {value!r}")
    given = os.fspath(cast("str | os.PathLike[str]", value))
    expanded = os.path.expanduser(given)  # noqa: PTH111 - Path.expanduser takes ./~ for ~
    if given.startswith("~") and expanded == given:
        raise EmulatorError(f"{name} begins with ~, and there is no such home folder: set HOME")
    return Path(expanded)


def json_values(name: str, values: object) -> None:
    """Values that JSON can say."""
    try:
        json.dumps(values, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise EmulatorError(f"{name} must be what JSON can say: {error}") from error


def names(name: str, value: object) -> list[str]:
    """A list of strings; one string alone is most likely a mistake."""
    if isinstance(value, str | bytes | Mapping) or not isinstance(value, Iterable):
        raise EmulatorError(f"{name} must be a list of names such as ['Reader'], not {value!r}")
    found = list(cast("Iterable[object]", value))
    return [text(f"a name in {name}", each) for each in found]


def names_by_id(name: str, value: object) -> dict[str, list[str]]:
    """Lists of strings by id."""
    if not isinstance(value, Mapping):
        raise EmulatorError(
            f"{name} must be a mapping such as {{'t1': ['Reader']}}, not {_shown(value)}"
        )
    found = cast("Mapping[object, object]", value)
    return {
        text(f"an id in {name}", key): names(f"{name}[{key!r}]", each)
        for key, each in found.items()
    }


def _shown(value: object) -> str:
    try:
        return repr(value)
    except ValueError:  # Python writes out no integer of thousands of digits
        return "one of that size"
