"""What other tools get of values and clients: dicts, schemas for pydantic, specs for mocks."""

from __future__ import annotations

from collections.abc import Mapping
from types import NoneType, UnionType
from typing import Any, Final, Literal, get_args, get_origin, get_type_hints

from attrs import Attribute, fields, has

from .strict_json import writable

#: What JSON Schema calls the types of attributes.
_JSON_TYPES: Final[Mapping[object, str]] = {
    str: "string",
    bool: "boolean",
    int: "integer",
    float: "number",
    NoneType: "null",
}


class Value:
    """The base of the values that calls take and return.

    Pydantic, and with it FastAPI, takes a value as the type of a field or of a response. It writes
    the value by `to_dict`, without secrets. Nothing of pydantic is imported until it asks.
    """

    __slots__ = ()

    def to_dict(self) -> dict[str, Any]:
        """The value in plain dicts and lists, ready for JSON, without secrets."""
        return self._plain(secrets=False)

    def _plain(self, *, secrets: bool) -> dict[str, Any]:
        """The attributes; of those that printing does not show, only with secrets."""
        return {
            attribute.name: plain(getattr(self, attribute.name))
            for attribute in _fields(type(self))
            if attribute.repr or secrets
        }

    @classmethod
    def _accept(cls, given: object) -> Any:
        """The value that pydantic was given.

        Raises:
            ValueError: It is none.
        """
        if not isinstance(given, cls):
            raise ValueError(f"pass a {cls.__name__}, not {type(given).__name__}")  # noqa: TRY004 - pydantic wants it
        return given

    @classmethod
    def _json_name(cls, attribute: str) -> str:
        """What `to_dict` calls an attribute."""
        return attribute

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: object) -> Any:
        from pydantic_core import core_schema  # whoever calls this has it

        return core_schema.no_info_plain_validator_function(
            cls._accept,
            serialization=core_schema.plain_serializer_function_ser_schema(_as_dict),
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: object, handler: object) -> dict[str, Any]:
        return schema_of(cls)


def plain(value: object) -> Any:
    """A value, or what an attribute holds, in plain dicts and lists."""
    return value.to_dict() if isinstance(value, Value) else writable(value)


def schema_of(cls: type[Any]) -> dict[str, Any]:
    """The JSON Schema of what a value's `to_dict` gives."""
    kinds = get_type_hints(cls)
    properties = {
        cls._json_name(attribute.name): _schema_of_kind(kinds[attribute.name])
        for attribute in _fields(cls)
        if attribute.repr and attribute.name != "extra"
    }
    return {
        "type": "object",
        "title": cls.__name__,
        "description": (cls.__doc__ or "").partition("\n")[0],
        "properties": properties,
    }


def _fields(cls: type[Any]) -> tuple[Attribute[Any], ...]:
    found: tuple[Attribute[Any], ...] = fields(cls)
    return found


def _as_dict(value: Value) -> dict[str, Any]:
    return value.to_dict()


def _schema_of_kind(kind: Any) -> dict[str, Any]:
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is UnionType:
        return {"anyOf": [_schema_of_kind(each) for each in arguments]}
    if origin is Literal:
        return {"enum": list(arguments)}
    if origin is tuple:
        return {"type": "array", "items": _schema_of_kind(arguments[0])}
    if has(kind):
        return schema_of(kind)
    return {"type": _JSON_TYPES.get(kind, "object")}


class _Part:
    """Gives the class of a part to whoever asks the class for it.

    An object has the part itself, in an attribute of the same name, which comes first.
    """

    def __init__(self, kind: type[Any]) -> None:
        self._kind = kind

    def __get__(self, instance: object, owner: type[Any]) -> Any:
        if instance is None:
            return self._kind
        raise AttributeError("the object was not constructed")


def part(kind: type[Any]) -> Any:
    """The value of an attribute of a class whose objects hold such a part.

    An annotation alone is seen by type checkers only. With this, ``mock.create_autospec`` finds the
    part's methods, and refuses a name that is misspelt.
    """
    return _Part(kind)
