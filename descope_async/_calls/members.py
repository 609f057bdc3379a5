"""The members of answers: their JSON names, their types, and the error for one that does not fit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from attrs import AttrsInstance, fields

from descope_async.models import CreatedAccessKey

_INT64: Final = range(-(2**63), 2**63)
#: What members are called by the types of decoded JSON.
NAMES: Final[Mapping[type, str]] = {
    str: "a string",
    bool: "a boolean",
    int: "a number",
    float: "a number",
    list: "a list",
    dict: "an object",
    type(None): "null",
}


class Misfit(Exception):
    """A member of an answer is not what is documented.

    Attributes:
        path: Where it is, below the value that was asked for: ``".keyTenants[1].tenantId"``.
        problem: What it is instead.
    """

    def __init__(self, problem: str, path: str = "") -> None:
        super().__init__(problem)
        self.path = path
        self.problem = problem


def camel(name: str) -> str:
    """The JSON name of an attribute."""
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def integer(value: object, _: object = None) -> int:
    """A 64-bit integer, which protobuf's JSON may write as a string of digits.

    Raises:
        Misfit: It is none.
    """
    number = value
    if isinstance(value, str) and value.removeprefix("-").isdecimal() and value.isascii():
        number = int(value) if len(value) <= len(str(_INT64.start)) else None
    if type(number) is not int or number not in _INT64:
        raise Misfit(f"is {named(value)} instead of a 64-bit integer")
    return number


def named(value: object) -> str:
    """What a decoded member is called."""
    return NAMES[type(value)]


def json_names_of(cls: type[AttrsInstance]) -> tuple[dict[str, str], bool]:
    """The JSON name of each attribute, and whether members of other names are kept in ``extra``."""
    names = [attribute.name for attribute in fields(cls)]
    return {name: camel(name) for name in names if name != "extra"}, "extra" in names


def is_secret(cls: type, name: str) -> bool:
    """Whether an attribute is a secret, which must not be empty."""
    return cls is CreatedAccessKey and name == "cleartext"
