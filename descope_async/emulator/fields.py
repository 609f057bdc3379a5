"""Reads JSON that strangers wrote, field by field; a wrong one is refused by name."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from typing import Any, Final, NoReturn, TypeVar, cast

from .answers import Json, Problem, Refusal

T = TypeVar("T")

_MAX_DEPTH: Final = 64
_INTEGER: Final = re.compile(r"-?\d{1,19}\Z", re.ASCII)
_INT64: Final = range(-(2**63), 2**63)


def parse(body: bytes) -> Json:
    """The JSON object in a body, an empty body being an empty object."""
    if not body.strip():
        return {}
    try:
        value: object = json.loads(
            body.decode("utf-8"),
            parse_constant=_not_json,
            parse_float=_finite,
            object_pairs_hook=_without_duplicates,
        )
        # Half of a surrogate pair, which JSON can escape, has no UTF-8 and cannot be stored.
        json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise Refusal(Problem.MALFORMED, "The body is not valid JSON") from error
    if not isinstance(value, dict):
        raise Refusal(Problem.MALFORMED, "The body must be a JSON object")
    if not _is_shallow(cast("object", value), _MAX_DEPTH):
        raise Refusal(Problem.MALFORMED, f"The body is nested deeper than {_MAX_DEPTH} levels")
    return cast("Json", value)


def from_python(values: object) -> Json:
    """What Python values are in JSON, held to the same as a body.

    Raises:
        Refusal: They are nothing that JSON can say.
    """
    try:
        body = json.dumps(values, allow_nan=False, default=_plain).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise Refusal(Problem.MALFORMED, str(error)) from error
    return parse(body)


class Fields:
    """A JSON object of a known place.

    Absent and null are the same everywhere, as in the service's protobuf gateway; unknown fields
    are ignored.
    """

    def __init__(self, values: Mapping[str, object], path: str = "") -> None:
        self._values = values
        self._path = path

    @property
    def path(self) -> str:
        """Where in the whole the object is, such as ``users[2].``; empty at the top."""
        return self._path

    def has(self, name: str) -> bool:
        """Whether the field is there and not null."""
        return self._values.get(name) is not None

    def text(self, name: str, default: str = "") -> str:
        """A string."""
        return self._typed(name, str, default, "a string")

    def required(self, name: str) -> str:
        """A string that must be there and not empty."""
        value = self.text(name)
        if not value:
            raise Refusal(Problem.MISSING, f"The {self._path}{name} field is required")
        return value

    def given(self, name: str, read: Callable[[str], T]) -> T:
        """The field as `read` reads it; it must be there."""
        if not self.has(name):
            raise Refusal(Problem.MISSING, f"The {self._path}{name} field is required")
        return read(name)

    def flag(self, name: str, default: bool = False) -> bool:
        """A boolean."""
        return self._typed(name, bool, default, "a boolean")

    def integer(self, name: str, default: int = 0) -> int:
        """An integer of 64 bits; as protobuf has it, a string of digits is one too."""
        value = self._values.get(name)
        if value is None:
            return default
        if isinstance(value, str) and _INTEGER.match(value):
            value = int(value)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or value not in _INT64:
            self._refuse(name, "an integer")
        return value

    def number(self, name: str, default: float = 0) -> float:
        """A number."""
        value = self._values.get(name)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, int | float):
            self._refuse(name, "a number")
        return value

    def size(self, name: str) -> int:
        """An integer that counts something."""
        value = self.integer(name)
        if value < 0:
            self._refuse(name, "zero or more")
        return value

    def names(self, name: str) -> list[str]:
        """A list of strings, without repetitions."""
        values = self._typed(name, list, [], "a list of strings")
        if not all(isinstance(value, str) and value for value in values):
            self._refuse(name, "a list of non-empty strings")
        return list(dict.fromkeys(cast("list[str]", values)))

    def mapping(self, name: str) -> Json:
        """An object; as PHP writes an empty one, an empty list is one too."""
        value = self._values.get(name)
        if value == []:
            return {}
        return cast("Json", self._typed(name, dict, {}, "an object"))

    def child(self, name: str) -> Fields:
        """An object of known fields."""
        return Fields(self.mapping(name), f"{self._path}{name}.")

    def children(self, name: str) -> list[Fields]:
        """A list of objects of known fields."""
        values = cast("list[object]", self._typed(name, list, [], "a list of objects"))
        if not all(isinstance(value, dict) for value in values):
            self._refuse(name, "a list of objects")
        return [
            Fields(cast("Json", value), f"{self._path}{name}[{index}].")
            for index, value in enumerate(values)
        ]

    def keep(self, name: str, read: Callable[[str], T], kept: T) -> T:
        """The field as `read` reads it; when it is absent, what was there before."""
        return read(name) if self.has(name) else kept

    def without(self, *names: str) -> Fields:
        """The same object as if these fields were absent."""
        kept = {name: value for name, value in self._values.items() if name not in names}
        return Fields(kept, self._path)

    def unknown(self, known: frozenset[str]) -> str | None:
        """The path of a field that is none of the known ones."""
        return next((self._path + str(name) for name in self._values if name not in known), None)

    def _typed(self, name: str, kind: type[T], default: T, expected: str) -> T:
        value = self._values.get(name)
        if value is None:
            return default
        if not isinstance(value, kind):
            self._refuse(name, expected)
        return value

    def _refuse(self, name: str, expected: str) -> NoReturn:
        raise Refusal(Problem.MALFORMED, f"The {self._path}{name} field must be {expected}")


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(cast("Mapping[object, object]", value))
    raise TypeError(f"a {type(value).__name__} is no JSON value")


def _not_json(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def _finite(digits: str) -> float:
    value = float(digits)
    if math.isinf(value):
        raise ValueError("a number too large")
    return value


def _without_duplicates(pairs: list[tuple[str, Any]]) -> Json:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name occurs twice in one object")
    return found


def _is_shallow(value: object, levels: int) -> bool:
    if isinstance(value, dict):
        inner = list(cast("dict[str, object]", value).values())
    elif isinstance(value, list):
        inner = cast("list[object]", value)
    else:
        return True
    return levels > 0 and all(_is_shallow(item, levels - 1) for item in inner)
