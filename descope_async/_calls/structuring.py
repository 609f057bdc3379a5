"""JSON to values and back, by cattrs: types are checked, nothing is converted by guessing.

The first member that does not fit ends the work, and the error says where it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar, cast, get_args, get_origin, get_type_hints

from attrs import AttrsInstance, fields, has
from cattrs import Converter
from cattrs.gen import make_dict_structure_fn, make_dict_unstructure_fn, override

from descope_async._values.strict_json import read_only, writable
from descope_async.errors import InvalidArgument
from descope_async.models import CreatedAccessKey

T = TypeVar("T")
V = TypeVar("V", bound=AttrsInstance)

_INT64: Final = range(-(2**63), 2**63)
#: The name under which unknown members are passed to cattrs. The service has no such name.
_EXTRA: Final = "(extra)"
_NAMES: Final[Mapping[type, str]] = {
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


def structure(document: object, cls: type[V], at: str = "$") -> V:
    """The value that decoded JSON stands for.

    Args:
        document: The decoded JSON.
        cls: The class of the value.
        at: Where the document is within the whole answer, for the error's ``path``.

    Raises:
        Misfit: A member is missing, or not of its type.
    """
    try:
        return _CONVERTER.structure(document, cls)
    except Misfit as misfit:
        path, problem = f"{at}{misfit.path}", misfit.problem
    except RecursionError:
        path, problem = at, "is nested too deep"
    raise Misfit(problem, path)


def unstructure(value: object) -> dict[str, Any]:
    """A value under the service's names, in plain dicts and lists."""
    document: dict[str, Any] = _CONVERTER.unstructure(value)
    return document


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
        raise Misfit(f"is {_named(value)} instead of a 64-bit integer")
    return number


def _named(value: object) -> str:
    return _NAMES[type(value)]


def _strict(kind: type[T]) -> Callable[[object, object], T]:
    def check(value: object, _: object) -> T:
        if type(value) is not kind:
            raise Misfit(f"is {_named(value)} instead of {_NAMES[kind]}")
        return value

    return check


def _secret(value: object, kind: object) -> str:
    secret = _strict(str)(value, kind)
    if not secret:
        raise Misfit("is empty")
    return secret


def _frozen_object(value: object, _: object) -> Mapping[str, Any]:
    members: Mapping[str, Any] = read_only(_strict(dict)(value, dict))
    return members


def _is(origin: type) -> Callable[[object], bool]:
    def matches(kind: object) -> bool:
        return get_origin(kind) is origin

    return matches


def _new_converter() -> Converter:
    converter = Converter(unstruct_collection_overrides={tuple: list}, detailed_validation=False)
    converter.register_structure_hook(str, _strict(str))
    converter.register_structure_hook(bool, _strict(bool))
    converter.register_structure_hook(int, integer)
    converter.register_structure_hook_func(_is(Mapping), _frozen_object)
    converter.register_unstructure_hook_func(_is(Mapping), writable)

    @converter.register_structure_hook_factory(_is(tuple))
    def _(kind: object) -> Callable[[object, object], tuple[Any, ...]]:
        item = get_args(kind)[0]
        return _list_of(item, converter.get_structure_hook(item))

    @converter.register_structure_hook_factory(has)
    def _(cls: type[V]) -> Callable[[object, object], V]:
        return _object_reader(converter, cls)

    @converter.register_unstructure_hook_factory(has)
    def _(cls: type[V]) -> Callable[[V], dict[str, Any]]:
        return _object_writer(converter, cls)

    return converter


def _list_of(
    kind: object, read: Callable[[object, object], object]
) -> Callable[[object, object], tuple[Any, ...]]:
    def read_all(value: object, _: object) -> tuple[Any, ...]:
        members = cast("list[object]", _strict(list)(value, list))
        found: list[object] = []
        try:
            for member in members:
                found.append(read(member, kind))  # noqa: PERF401 - its length says which one failed
        except Misfit as misfit:
            problem, path = misfit.problem, f"[{len(found)}]{misfit.path}"
        else:
            return tuple(found)
        raise Misfit(problem, path)

    return read_all


def _member(
    json_name: str, read: Callable[[object, object], object]
) -> Callable[[object, object], object]:
    def read_member(value: object, kind: object) -> object:
        try:
            return read(value, kind)
        except Misfit as misfit:
            problem, path = misfit.problem, f".{json_name}{misfit.path}"
        raise Misfit(problem, path)

    return read_member


def _object_reader(converter: Converter, cls: type[V]) -> Callable[[object, object], V]:
    json_names, keeps_extra = json_names_of(cls)
    known = frozenset(json_names.values())
    kinds = get_type_hints(cls)
    overrides: dict[str, Any] = {}
    for name, json_name in json_names.items():
        read = _secret if is_secret(cls, name) else converter.get_structure_hook(kinds[name])
        overrides[name] = override(rename=json_name, struct_hook=_member(json_name, read))
    if keeps_extra:
        overrides["extra"] = override(rename=_EXTRA, struct_hook=_frozen_object)
    build = make_dict_structure_fn(cls, converter, **overrides)

    def read_object(value: object, _: object) -> V:
        given = cast("dict[str, Any]", _strict(dict)(value, dict))
        if None in given.values():  # a known member that is null is one that is not given
            given = {n: item for n, item in given.items() if item is not None or n not in known}
        if keeps_extra and not known.issuperset(given):
            given = {**given, _EXTRA: {n: item for n, item in given.items() if n not in known}}
        try:
            return build(given, cls)
        except KeyError as error:
            problem, path = "is missing", f".{error.args[0]}"
        except InvalidArgument as error:  # the value refuses what it is to be made of
            problem, path = f"cannot be used: {error}", ""
        raise Misfit(problem, path)

    return read_object


def _object_writer(converter: Converter, cls: type[V]) -> Callable[[V], dict[str, Any]]:
    json_names, keeps_extra = json_names_of(cls)
    overrides: dict[str, Any] = {
        name: override(rename=json_name) for name, json_name in json_names.items()
    }
    if keeps_extra:
        overrides["extra"] = override(omit=True)
    flatten = make_dict_unstructure_fn(cls, converter, **overrides)

    def write_object(value: V) -> dict[str, Any]:
        return {**flatten(value), **writable(getattr(value, "extra", {}))}

    return write_object


def json_names_of(cls: type[AttrsInstance]) -> tuple[dict[str, str], bool]:
    """The JSON name of each attribute, and whether members of other names are kept in ``extra``."""
    names = [attribute.name for attribute in fields(cls)]
    return {name: camel(name) for name in names if name != "extra"}, "extra" in names


def is_secret(cls: type, name: str) -> bool:
    """Whether an attribute is a secret, which must not be empty."""
    return cls is CreatedAccessKey and name == "cleartext"


_CONVERTER: Final = _new_converter()
