"""How values and clients show themselves to other tools: dicts, models of pydantic, specs of mocks."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from collections.abc import Set as AbstractSet
from datetime import datetime
from functools import cache
from operator import attrgetter
from pathlib import Path, PurePath
from types import NoneType, UnionType
from typing import Any, Final, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from attrs import Attribute, AttrsInstance, fields, has

from descope_async.errors import ConfigurationError, InvalidArgument

T = TypeVar("T", bound=AttrsInstance)

#: What JSON Schema calls the types of attributes.
_JSON_TYPES: Final[Mapping[object, str]] = {
    str: "string",
    Path: "string",
    bool: "boolean",
    int: "integer",
    float: "number",
    datetime: "integer",
    NoneType: "null",
}


class Value:
    """The base of the values that calls take and return.

    Its attributes that printing does not show are secrets. They are in slots of other names, because
    msgspec, and with it Litestar, writes the slots whose names do not begin with an underscore.

    Pydantic, and with it FastAPI, takes a value as the type of a field or of a response. It writes
    the value by `to_dict`, without secrets. Nothing of pydantic is imported until it asks.
    """

    __slots__ = ("_first_secret", "_second_secret")

    # attrs would compile these three for each class, which is half of what a class takes to import. So
    # the classes say ``eq=False, repr=False``.

    def __repr__(self) -> str:
        kind: Any = type(self)
        parts = (
            f"{each.name}={(repr if each.repr is True else each.repr)(getattr(self, each.name))}"
            for each in fields(kind)
            if each.repr
        )
        return f"{kind.__qualname__.rpartition('>.')[2]}({', '.join(parts)})"

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        kind: Any = type(self)
        of = _compared(kind)
        return of(self) == of(other)

    def __hash__(self) -> int:
        kind: Any = type(self)
        return hash(_hashed(kind)(self))

    def __init_subclass__(cls) -> None:
        # attrs makes a class twice: without slots, and then with them, as one that has attributes.
        attributes: tuple[Attribute[Any], ...] = vars(cls).get("__attrs_attrs__", ())
        names = [each.name for each in attributes if not each.repr and each.name[0] != "_"]
        for name, slot in zip(names, _SEALED[: len(names)], strict=True):
            setattr(cls, name, slot)

    def to_dict(self, *, secrets: bool = False) -> dict[str, Any]:
        """The value in plain dicts and lists, ready for JSON.

        Args:
            secrets: Whether to include secrets, such as ``cleartext`` or ``jwt``, where it has any.
        """
        members = self._members(secrets=secrets)
        return {name: plain(member, secrets=secrets) for name, member in members.items()}

    def _members(self, *, secrets: bool) -> dict[str, Any]:
        """What `to_dict` shows, as it is."""
        return {each.name: getattr(self, each.name) for each in _shown(type(self), secrets=secrets)}

    @property
    def __dict__(self) -> dict[str, Any]:  # type: ignore[override]  # slots leave the name free
        """What `vars` gives: the value without secrets, as a new dict.

        FastAPI asks for this where a route does not say what it returns, and so do those who write
        ``json.dumps(value, default=vars)``.
        """
        return self.to_dict()

    def __dir__(self) -> Iterable[str]:
        return dir(type(self))  # and not the names in `__dict__`, which may be the service's

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
            cls._accept_quietly,
            serialization=core_schema.plain_serializer_function_ser_schema(_as_dict),
        )

    @classmethod
    def _accept_quietly(cls, given: object) -> Any:
        """As `_accept`, with an error that does not quote what was given: it may hold a secret."""
        try:
            return cls._accept(given)
        except ValueError as error:
            problem = str(error)
        from pydantic_core import PydanticCustomError, ValidationError

        kind, template = "value_error", "Value error, {error}"
        refused = PydanticCustomError(kind, template, {"error": problem})
        shown = f"<{type(given).__name__}>"
        del given
        raise ValidationError.from_exception_data(
            cls.__name__, [{"type": refused, "input": shown}], hide_input=True
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: object, handler: object) -> dict[str, Any]:
        return schema_of(cls)


#: Where the secrets of a value are.
_SEALED: Final = tuple(vars(Value)[name] for name in Value.__slots__)


class Buildable(Value):
    """The base of the values that callers make: pydantic may make them of a dict too."""

    __slots__ = ()

    @classmethod
    def _accept(cls, given: object) -> Any:
        if isinstance(given, Mapping):
            attrs_class = cast("type[AttrsInstance]", cls)
            return made_of(cls.__name__, cast("Mapping[str, Any]", given), attrs_class)
        return super()._accept(given)


def made_of(what: str, members: Mapping[str, Any], cls: type[T]) -> T:
    """The value of a class that has these attributes.

    Args:
        what: How an error begins.
        members: The attributes.
        cls: The class.

    Raises:
        InvalidArgument: It has no such attributes, or lacks one.
    """
    known = [each.name for each in fields(cls)]
    for name in members:
        if name not in known:
            raise InvalidArgument(f"{what} has no field {name!r}, only {', '.join(known)}")
    try:
        return cls(**members)
    except ConfigurationError:
        raise  # it names the parameter
    except (TypeError, InvalidArgument) as error:
        raise InvalidArgument(f"{what}: {error}") from None


#: A tuple, because `str | int` would be made anew for each value.
_PLAIN: Final = (str, int, float, NoneType)


def plain(value: Any, *, secrets: bool = False) -> Any:
    """A value, or what an attribute holds, in plain dicts and lists.

    Sets are sorted. A moment is shown in epoch seconds.
    """
    if isinstance(value, _PLAIN):
        return value
    if isinstance(value, Value):
        return value.to_dict(secrets=secrets)
    if isinstance(value, Mapping):
        members = cast("Mapping[str, Any]", value)
        return {name: plain(item, secrets=secrets) for name, item in members.items()}
    if isinstance(value, Collection):
        items = cast("Collection[object]", value)
        items = sorted(cast("AbstractSet[str]", items)) if isinstance(items, AbstractSet) else items
        return [plain(item, secrets=secrets) for item in items]
    if isinstance(value, PurePath):
        return str(value)
    return int(value.timestamp()) if isinstance(value, datetime) else value


def schema_of(cls: type[Any]) -> dict[str, Any]:
    """The JSON Schema of what a value's `to_dict` gives."""
    kinds = get_type_hints(cls)
    properties = {
        cls._json_name(attribute.name): _schema_of_kind(kinds[attribute.name])
        for attribute in _shown(cls, secrets=False)
        if attribute.name != "extra"
    }
    return {
        "type": "object",
        "title": cls.__name__,
        "description": (cls.__doc__ or "").partition("\n")[0],
        "properties": properties,
    }


def _shown(cls: type[Any], *, secrets: bool) -> list[Attribute[Any]]:
    """The attributes that a dict of a value has."""
    found: tuple[Attribute[Any], ...] = fields(cls)
    return [each for each in found if (each.repr or secrets) and not each.name.startswith("_")]


@cache
def _compared(cls: type[Any]) -> Callable[[Value], object]:
    """What gives the attributes by which values of a class are equal, and the class."""
    return attrgetter("__class__", *(each.name for each in fields(cls) if each.eq))


@cache
def _hashed(cls: type[Any]) -> Callable[[Value], object]:
    """What gives the attributes that make the hash of a value, and its class."""
    found: tuple[Attribute[Any], ...] = fields(cls)
    names = [each.name for each in found if (each.eq if each.hash is None else each.hash)]
    return attrgetter("__class__", *names)


def _as_dict(value: Value) -> dict[str, Any]:
    return value.to_dict()


def _schema_of_kind(kind: Any) -> dict[str, Any]:
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in {UnionType, Union}:
        return {"anyOf": [_schema_of_kind(each) for each in arguments]}
    if origin is Literal:
        return {"enum": list(arguments)}
    if isinstance(origin, type) and not issubclass(origin, Mapping):
        return {"type": "array", "items": _schema_of_kind(arguments[0])}
    if has(kind):
        return schema_of(kind)
    return {"type": _JSON_TYPES.get(kind, "object")}


class _Part:
    """An attribute that is the class of a part when it is read from the class.

    An object has the part itself in an attribute of the same name, which comes first.
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
