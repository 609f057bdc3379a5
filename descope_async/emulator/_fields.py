"""Reads the fields of a JSON object. A field of a wrong type is refused by its name."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final, NoReturn, TypeVar, cast

from ._error_answers import Problem, Refusal
from ._json import Json

T = TypeVar("T")

_INTEGER: Final = re.compile(r"-?\d{1,19}\Z", re.ASCII)
#: The largest numbers that the service's schema can hold, by the size of the field.
INT32: Final = 2**31 - 1
INT64: Final = 2**63 - 1


class Fields:
    """A JSON object, and where in the whole request it is.

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
        if (
            isinstance(value, bool)
            or not isinstance(value, int)
            or not -INT64 - 1 <= value <= INT64
        ):
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

    def size(self, name: str, most: int = INT32) -> int:
        """An integer from 0 to the most that the field can hold."""
        value = self.integer(name)
        if value < 0:
            self._refuse(name, "zero or more")
        if value > most:
            self._refuse(name, f"at most {most}")
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

    def value(self, name: str) -> object:
        """The field as it came, of whatever type; None when it is absent."""
        return self._values.get(name)

    def joined(self, values: Mapping[str, object]) -> Fields:
        """The same object with these fields added or replaced."""
        return Fields({**self._values, **values}, self._path)

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
