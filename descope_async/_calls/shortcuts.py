"""Straight-line code that reads what the service usually sends.

It gives up on anything else: `structuring` then reads it, or says where it is wrong. A key takes a
third of the time that cattrs takes, which is half of the time of a large search.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Final, NoReturn, TypeVar, cast, get_args, get_origin, get_type_hints

from attrs import NOTHING, AttrsInstance, fields, has

from descope_async._values.strict_json import ReadOnlyDict, read_only

from .pieces import NotJSON
from .structuring import Misfit, integer, is_secret, json_names_of, structure

V = TypeVar("V", bound=AttrsInstance)

_EMPTY: Final = ReadOnlyDict()
#: For each kind of member, when it is kept as it is.
_KEPT_IF: Final[Mapping[object, str]] = {
    str: "type(value) is str",
    bool: "type(value) is bool",
    int: f"type(value) is int and {-(2**63)} <= value < {2**63}",
}


def build(document: object, cls: type[V]) -> V:
    """The value that a decoded answer stands for.

    Raises:
        NotJSON: It is not an object.
        Misfit: A member is missing, or not of its type.
    """
    if not isinstance(document, dict):
        raise NotJSON
    try:
        value: V = shortcut(cls)(cast("object", document))
    except (Misfit, RecursionError):
        value = structure(cast("object", document), cls)
    return value


@cache
def shortcut(cls: type[V]) -> Callable[[object], V]:
    """A function that reads a value of this class from decoded JSON.

    It raises Misfit for what it does not read, which need not be wrong.
    """
    json_names, keeps_extra = json_names_of(cls)
    kinds = get_type_hints(cls)
    scope: dict[str, Any] = {
        "cls": cls,
        "draft_of": _draft_of(cls),
        "new": object.__new__,
        "known": frozenset(json_names.values()),
        "empty": _EMPTY,
        **{function.__name__: function for function in _FUNCTIONS},
    }
    lines = [
        "def read(given):",
        "    if type(given) is not dict: refuse(given)",
        "    get, draft, absent = given.get, new(draft_of), 0",
    ]
    for attribute in fields(cls):
        name, default = attribute.name, attribute.default
        if name not in json_names:
            continue
        kept_if, otherwise = _reading_of(kinds[name], name, scope)
        if is_secret(cls, name):
            kept_if += " and value"
        scope[f"default_{name}"] = default
        if_absent = (
            "refuse(value)" if default is NOTHING else f"draft.{name} = default_{name}; absent += 1"
        )
        lines += [
            f"    value = get({json_names[name]!r})",
            *([f"    if {kept_if}: draft.{name} = value"] if kept_if else []),
            f"    {'elif' if kept_if else 'if'} value is None: {if_absent}",
            f"    else: draft.{name} = {otherwise}",
        ]
    if keeps_extra:
        lines += [
            f"    if len(given) + absent == {len(json_names)}: draft.extra = empty",
            "    else: draft.extra = extra_of(given, known)",
        ]
    lines += ["    draft.__class__ = cls", "    return draft"]
    exec("\n".join(lines), scope)  # noqa: S102 - made of the attributes' names alone
    read: Callable[[object], V] = scope["read"]
    return read


def _reading_of(kind: object, name: str, scope: dict[str, Any]) -> tuple[str, str]:
    """When a member is kept as it is, and the expression that reads it otherwise."""
    if kind in _KEPT_IF:
        return _KEPT_IF[kind], "integer(value)" if kind is int else "refuse(value)"
    if get_origin(kind) is Mapping:
        return "", "frozen(value)"
    if has(cast("type[Any]", kind)):
        scope[f"read_{name}"] = shortcut(cast("type[AttrsInstance]", kind))
        return "", f"read_{name}(value)"
    item = get_args(kind)[0]
    if item is str:
        return "", "names(value)"
    scope[f"read_{name}"] = shortcut(item)
    return "", f"tuple([read_{name}(item) for item in listed(value)])"


def _draft_of(cls: type[V]) -> type[Any]:
    """A class whose instances can be filled and then become frozen ones of another class.

    A frozen class is filled by `object.__setattr__`, which takes 2 µs for 16 attributes where this
    takes 0.3. `__delattr__` is there because without it the assignments are not quick.
    """
    return type(
        f"{cls.__name__}Draft",
        (cls,),
        {
            "__slots__": (),
            "__setattr__": object.__setattr__,
            "__delattr__": object.__delattr__,
        },
    )


def refuse(value: object) -> NoReturn:
    """Give up.

    Raises:
        Misfit: Always.
    """
    raise Misfit(f"is of the type {type(value).__name__}")


def listed(value: Any) -> list[Any]:
    """A list, which must be one already."""
    if type(value) is not list:
        refuse(value)
    return cast("list[object]", value)


def names(value: Any) -> tuple[str, ...]:
    """The strings of a list, none of which may be empty."""
    if type(value) is not list:
        refuse(value)
    items = cast("list[object]", value)
    for item in items:
        if type(item) is not str or not item:
            refuse(item)
    return tuple(cast("list[str]", items))


def frozen(value: object) -> Any:
    """A read-only copy of an object."""
    if type(value) is not dict:
        refuse(value)
    return read_only(value) if value else _EMPTY


def extra_of(given: dict[str, Any], known: frozenset[str]) -> Mapping[str, Any]:
    """The members of other names, read-only."""
    unknown = {name: read_only(item) for name, item in given.items() if name not in known}
    return ReadOnlyDict(unknown)


#: What the written code calls.
_FUNCTIONS: Final = (refuse, listed, names, frozen, extra_of, integer)
