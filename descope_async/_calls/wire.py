"""Values to and from the service's JSON: the only module that knows its names.

The service speaks protobuf's JSON: camelCase names, zero values for what is unset, and int64 as a
number or as a string of digits.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from typing import Any, Final, NoReturn, TypeVar, cast, get_args, get_origin

from attrs import AttrsInstance, asdict, field, fields, frozen
from cattrs import Converter
from cattrs.errors import (
    AttributeValidationNote,
    BaseValidationError,
    IterableValidationNote,
)
from cattrs.gen import make_dict_structure_fn, make_dict_unstructure_fn, override

from descope_async.errors import UnexpectedResponse
from descope_async.models import (
    AccessKey,
    AccessKeyLoginOptions,
    AssociatedTenant,
    CreatedAccessKey,
    SortField,
)

T = TypeVar("T")
V = TypeVar("V", bound=AttrsInstance)

_INT64: Final = range(-(2**63), 2**63)
#: Where unknown members stand in while cattrs builds a value; no JSON name of the service's.
_EXTRA: Final = "(extra)"


@frozen
class KeyAnswer:
    """The answer of load and update."""

    key: AccessKey


@frozen
class KeysAnswer:
    """The answer of search."""

    keys: tuple[AccessKey, ...] = ()


@frozen
class ExchangeAnswer:
    """The answer of an exchange."""

    session_jwt: str = field(repr=False)
    key_id: str = ""
    expiration: int = 0


@frozen
class Done:
    """The answer of calls that have nothing to tell."""


@frozen
class LicenseAnswer:
    """The answer of the license call."""

    rate_limit_tier: str = ""


@frozen
class ServiceError:
    """The body of an error answer; gateways in front of the service send only ``message``."""

    error_code: str | None = None
    error_description: str | None = None
    error_message: str | None = None


def read(cls: type[V], body: bytes) -> V:
    """The value that a successful answer holds.

    Raises:
        UnexpectedResponse: The body is not JSON or not of the documented shape; ``path`` says
            where.
    """
    document = _object(body)
    try:
        return _CONVERTER.structure(document, cls)
    except Exception:  # noqa: BLE001, S110 - whatever it is, it is found again and named below
        pass
    try:
        return _naming_converter().structure(document, cls)
    except BaseValidationError as error:
        path, problem = _first_problem(error)
    raise UnexpectedResponse(f"the answer's {path} {problem}", path=path)


def read_error(body: bytes) -> ServiceError:
    """What an error answer says, as far as it can be read. Never raises."""
    try:
        document = _object(body)
    except UnexpectedResponse:
        return ServiceError()
    said = {name: value for name, value in document.items() if isinstance(value, str) and value}
    return ServiceError(
        error_code=said.get("errorCode"),
        error_description=said.get("errorDescription"),
        error_message=said.get("errorMessage") or said.get("message"),
    )


def write_error(said: ServiceError) -> str:
    """An error as the service writes it, without what it did not say."""
    return json.dumps(_given(asdict(said)), ensure_ascii=False)


def to_wire(value: AccessKey | CreatedAccessKey) -> dict[str, Any]:
    """A value under the service's names."""
    document: dict[str, Any] = _CONVERTER.unstructure(value)
    return document


def create_body(
    *,
    name: str,
    expire_time: int,
    role_names: Sequence[str],
    key_tenants: Sequence[AssociatedTenant],
    **optional: object,
) -> dict[str, Any]:
    """The body of create; None is not sent."""
    return {
        "name": name,
        "expireTime": expire_time,
        "roleNames": list(role_names),
        "keyTenants": _tenants(key_tenants),
        **_given(optional),
    }


def update_body(
    *, id: str, name: str, key_tenants: Sequence[AssociatedTenant] | None, **optional: object
) -> dict[str, Any]:
    """The body of update; None is not sent, so that it keeps what is there."""
    tenants = None if key_tenants is None else _tenants(key_tenants)
    return {"id": id, "name": name, **_given({"key_tenants": tenants, **optional})}


def search_body(
    *, tenant_ids: Sequence[str], sort: Sequence[SortField] | None, **optional: object
) -> dict[str, Any]:
    """The body of search; None is not sent."""
    order = None if sort is None else [{"field": by.field, "desc": by.desc} for by in sort]
    return {"tenantIds": list(tenant_ids), **_given({"sort": order, **optional})}


def id_body(id: str) -> dict[str, Any]:
    """The body of a call on one key."""
    return {"id": id}


def ids_body(ids: Sequence[str]) -> dict[str, Any]:
    """The body of a batch."""
    return {"ids": list(ids)}


def exchange_body(options: AccessKeyLoginOptions) -> dict[str, Any]:
    """The body of an exchange."""
    return {
        "loginOptions": _given(
            {
                "custom_claims": options.custom_claims,
                "selected_tenant": options.selected_tenant,
            }
        )
    }


def encode(body: Mapping[str, Any]) -> bytes:
    """A request body as it is sent."""
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def _tenants(tenants: Sequence[AssociatedTenant]) -> list[dict[str, Any]]:
    return [{"tenantId": item.tenant_id, "roleNames": list(item.role_names)} for item in tenants]


def _given(optional: Mapping[str, object]) -> dict[str, object]:
    return {_camel(name): value for name, value in optional.items() if value is not None}


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def _object(body: bytes) -> dict[str, Any]:
    try:
        document: object = _DECODER.decode(body.decode())
    except (ValueError, RecursionError):  # neither error is chained: both may quote the body
        document = None
    if not isinstance(document, dict):
        raise UnexpectedResponse("the answer is not a JSON object")
    return cast("dict[str, Any]", document)


def _refuse_constant(constant: str) -> NoReturn:
    raise ValueError(constant)


_DECODER: Final = json.JSONDecoder(parse_constant=_refuse_constant)


def _first_problem(error: BaseException) -> tuple[str, str]:
    path = "$"
    while isinstance(error, BaseValidationError):
        error = error.exceptions[0]
        for note in getattr(error, "__notes__", ()):
            if isinstance(note, AttributeValidationNote):
                path += f".{_camel(note.name)}"
            elif isinstance(note, IterableValidationNote):
                path += f"[{note.index}]"
    return path, "is missing" if isinstance(error, KeyError) else str(error)


def _strict(kind: type[T], article: str) -> Callable[[object, object], T]:
    def structure(value: object, _: object) -> T:
        if type(value) is not kind:
            raise TypeError(f"is {_named(value)} instead of {article}")
        return value

    return structure


def _named(value: object) -> str:
    names: dict[type, str] = {
        str: "a string",
        bool: "a boolean",
        int: "a number",
        float: "a number",
    }
    names |= {list: "a list", dict: "an object", type(None): "null"}
    return names[type(value)]


def _integer(value: object, _: object) -> int:
    number = value
    if isinstance(value, str) and value.removeprefix("-").isdecimal() and value.isascii():
        number = int(value) if len(value) <= len(str(_INT64.start)) else None
    if type(number) is not int or number not in _INT64:
        raise TypeError(f"is {_named(value)} instead of a 64-bit integer")
    return number


def _secret(value: object, kind: object) -> str:
    secret = _strict(str, "a string")(value, kind)
    if not secret:
        raise ValueError("is empty")
    return secret


def _is(origin: type) -> Callable[[object], bool]:
    def matches(kind: object) -> bool:
        return get_origin(kind) is origin

    return matches


def _converter(*, names_problems: bool) -> Converter:
    converter = Converter(
        unstruct_collection_overrides={tuple: list}, detailed_validation=names_problems
    )
    converter.register_structure_hook(str, _strict(str, "a string"))
    converter.register_structure_hook(bool, _strict(bool, "a boolean"))
    converter.register_structure_hook(int, _integer)
    converter.register_structure_hook_func(_is(Mapping), _strict(dict, "an object"))
    converter.register_unstructure_hook_func(_is(Mapping), dict)

    converter.register_structure_hook_factory(_is(tuple), partial(_list_of, converter))

    for cls in (
        AssociatedTenant,
        AccessKey,
        CreatedAccessKey,
        KeyAnswer,
        KeysAnswer,
        ExchangeAnswer,
        Done,
        LicenseAnswer,
    ):
        _register(converter, cls)
    return converter


def _list_of(converter: Converter, kind: object) -> Callable[[object, object], tuple[Any, ...]]:
    item = get_args(kind)[0]
    structure = converter.get_structure_hook(item)
    items: Any = list[item]  # type: ignore[valid-type]  # the item's type is known at run time only
    structure_all = converter.get_structure_hook(items)

    def strictly(value: object, _: object) -> tuple[Any, ...]:
        if type(value) is not list:
            raise TypeError(f"is {_named(value)} instead of a list")
        members = cast("list[object]", value)
        if converter.detailed_validation:
            return tuple(structure_all(members, items))
        return tuple([structure(member, item) for member in members])

    return strictly


def _register(converter: Converter, cls: type[V]) -> None:
    keeps_extra = any(attribute.name == "extra" for attribute in fields(cls))
    json_names = {
        attribute.name: _camel(attribute.name)
        for attribute in fields(cls)
        if attribute.name != "extra"
    }
    known = frozenset(json_names.values())
    renamed: dict[str, Any] = {
        name: override(rename=json_name) for name, json_name in json_names.items()
    }
    if "cleartext" in renamed:
        renamed["cleartext"] = override(struct_hook=_secret)
    if keeps_extra:
        renamed["extra"] = override(rename=_EXTRA)
    build = make_dict_structure_fn(cls, converter, **renamed)

    def structure(value: object, _: object) -> V:
        if type(value) is not dict:
            raise TypeError(f"is {_named(value)} instead of an object")
        given = cast("dict[str, Any]", value)
        if None in given.values():  # a known member that is null is one that is not given
            given = {n: item for n, item in given.items() if item is not None or n not in known}
        if keeps_extra and not known.issuperset(given):
            given = {**given, _EXTRA: {n: item for n, item in given.items() if n not in known}}
        return build(given, cls)

    converter.register_structure_hook(cls, structure)

    if keeps_extra:
        renamed["extra"] = override(omit=True)
    flatten = make_dict_unstructure_fn(cls, converter, **renamed)

    def unstructure(value: V) -> dict[str, Any]:
        return {**flatten(value), **getattr(value, "extra", {})}

    converter.register_unstructure_hook(cls, unstructure)


_CONVERTER: Final = _converter(names_problems=False)


@cache
def _naming_converter() -> Converter:
    """As quick as it needs to be for an answer that is wrong: it notes the path of each problem."""
    return _converter(names_problems=True)
