"""The cattrs converter between JSON and values. It checks types, and converts nothing by guessing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar, cast, get_args, get_origin, get_type_hints

from attrs import AttrsInstance, has
from cattrs import Converter
from cattrs.gen import make_dict_structure_fn, make_dict_unstructure_fn, override

from descope_async._values.strict_json import read_only, writable
from descope_async.errors import InvalidArgument

from .members import NAMES, Misfit, integer, is_secret, json_names_of, named

T = TypeVar("T")
V = TypeVar("V", bound=AttrsInstance)

#: The name under which unknown members are passed to cattrs. The service has no such name.
_EXTRA: Final = "(extra)"


def _strict(kind: type[T]) -> Callable[[object, object], T]:
    def check(value: object, _: object) -> T:
        if type(value) is not kind:
            raise Misfit(f"is {named(value)} instead of {NAMES[kind]}")
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


CONVERTER: Final = _new_converter()
