"""Values to and from the service's JSON: the only module that knows its names.

The service speaks protobuf's JSON: camelCase names, zero values for what is unset, and int64 as a
number or as a string of digits.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeVar, cast

from attrs import AttrsInstance, field, frozen

from descope_async.errors import InvalidArgument, UnexpectedResponse
from descope_async.models import (
    AccessKey,
    AccessKeyLoginOptions,
    AssociatedTenant,
    SortField,
)

from .found_keys import MAX_MEMBERS, read_keys
from .member_count import TooManyMembers, has_more_members, refuse_more_members
from .members import Misfit, camel
from .pieces import NotJSON, decode
from .shortcuts import build
from .structuring import structure, unstructure

V = TypeVar("V", bound=AttrsInstance)

#: Bytes of an answer with one key: a request of 1 MiB, whose every character may come back as an
#: escape of six.
MAX_KEY: Final = 8 * 1024 * 1024
#: Members of a key that is sent, 12,000, so that the answer has no more than `MAX_MEMBERS`. The answer
#: has more members than the request: 20 of the key's own, and the name of each tenant. A tenant is sent
#: as four members and answered as five. This leaves room for six, and for 2,000 of the key's own.
MAX_SENT_MEMBERS: Final = MAX_MEMBERS * 3 // 5


@frozen(repr=False)
class KeyAnswer:
    """The answer of load and update."""

    key: AccessKey


@frozen(eq=False, repr=False)
class KeysAnswer:
    """The answer of search."""

    keys: list[AccessKey] = field(factory=list[AccessKey])


@frozen(eq=False, repr=False)
class ExchangeAnswer:
    """The answer of an exchange."""

    session_jwt: str
    key_id: str = ""
    expiration: int = 0


@frozen(eq=False, repr=False)
class Done:
    """The answer of calls that return nothing."""


@frozen(eq=False, repr=False)
class LicenseAnswer:
    """The answer of the license call."""

    rate_limit_tier: str = ""


@frozen
class ServiceError:
    """The body of an error answer; gateways in front of the service send only ``message``."""

    error_code: str | None = None
    error_description: str | None = None
    error_message: str | None = None


async def read(cls: type[V], body: bytes) -> V:
    """The value that a successful answer holds. The event loop turns while a large one is read.

    Raises:
        UnexpectedResponse: The body is not JSON or not of the documented shape; ``path`` says
            where.
    """
    try:
        if cls is KeysAnswer:
            return cast("V", KeysAnswer(await read_keys(body)))
        refuse_more_members(body, MAX_MEMBERS)
        return build(decode(body), cls)
    except TooManyMembers:
        failure = UnexpectedResponse(
            f"the answer's $ has more than {MAX_MEMBERS:,} members", path="$"
        )
    except Misfit as misfit:
        failure = UnexpectedResponse(
            f"the answer's {misfit.path} {misfit.problem}", path=misfit.path
        )
    except NotJSON:
        failure = UnexpectedResponse("the answer is not a JSON object")
    except RecursionError:
        failure = UnexpectedResponse("the answer is nested too deep")
    except MemoryError:
        failure = UnexpectedResponse("the answer does not fit into memory")
    raise failure


def read_error(body: bytes) -> ServiceError:
    """What an error answer says, as far as it can be read. Never raises."""
    try:
        document = decode(body)
    except (NotJSON, MemoryError, RecursionError):
        return ServiceError()
    if not isinstance(document, dict):
        return ServiceError()
    members = cast("dict[str, object]", document)
    said = {name: value for name, value in members.items() if isinstance(value, str) and value}
    return ServiceError(
        error_code=said.get("errorCode"),
        error_description=said.get("errorDescription"),
        error_message=said.get("errorMessage") or said.get("message"),
    )


def to_wire(value: object) -> dict[str, Any]:
    """A value under the service's names."""
    return unstructure(value)


def from_wire(document: object, cls: type[V]) -> V:
    """The value that decoded JSON stands for.

    Raises:
        ValueError: A member is missing or not of its type. The message says where.
    """
    try:
        return structure(document, cls)
    except Misfit as misfit:
        problem = f"{misfit.path} {misfit.problem}"
    raise ValueError(problem)


def create_body(
    *,
    name: str,
    expire_time: int,
    role_names: Sequence[str],
    key_tenants: Sequence[AssociatedTenant],
    **optional: object,
) -> bytes:
    """The body of create; None is not sent.

    Raises:
        InvalidArgument: The answer could have more members than can be read.
    """
    return _encoded_key(
        {
            "name": name,
            "expireTime": expire_time,
            "roleNames": list(role_names),
            "keyTenants": _tenants(key_tenants),
            **_given(optional),
        }
    )


def update_body(
    *, id: str, name: str, key_tenants: Sequence[AssociatedTenant] | None, **optional: object
) -> bytes:
    """The body of update; None is not sent, so that it keeps what is there.

    Raises:
        InvalidArgument: The answer could have more members than can be read.
    """
    tenants = None if key_tenants is None else _tenants(key_tenants)
    return _encoded_key({"id": id, "name": name, **_given({"key_tenants": tenants, **optional})})


def search_body(
    *, tenant_ids: Sequence[str], sort: Sequence[SortField] | None, **optional: object
) -> bytes:
    """The body of search; None is not sent."""
    order = None if sort is None else [{"field": by.field, "desc": by.desc} for by in sort]
    return _encoded({"tenantIds": list(tenant_ids), **_given({"sort": order, **optional})})


def id_query(id: str) -> tuple[tuple[str, str]]:
    """The query of a load."""
    return (("id", id),)


def id_body(id: str) -> bytes:
    """The body of a call on one key."""
    return _encoded({"id": id})


def ids_body(ids: Sequence[str]) -> bytes:
    """The body of a batch."""
    return _encoded({"ids": list(ids)})


def login_options(options: AccessKeyLoginOptions) -> dict[str, Any]:
    """What an exchange asks for, under the service's names."""
    return _given(
        {"custom_claims": options.custom_claims, "selected_tenant": options.selected_tenant}
    )


def exchange_body(options: AccessKeyLoginOptions) -> bytes:
    """The body of an exchange."""
    return _encoded({"loginOptions": login_options(options)})


def _encoded_key(body: Mapping[str, Any]) -> bytes:
    encoded = _encoded(body)
    if has_more_members(encoded, MAX_SENT_MEMBERS):
        raise InvalidArgument(
            "role_names, key_tenants, permitted_ips, custom_claims and custom_attributes hold more "
            f"than {MAX_SENT_MEMBERS:,} members together; an answer about so large a key could not be read"
        )
    return encoded


def _encoded(body: Mapping[str, Any]) -> bytes:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def _tenants(tenants: Sequence[AssociatedTenant]) -> list[dict[str, Any]]:
    return [{"tenantId": item.tenant_id, "roleNames": list(item.role_names)} for item in tenants]


def _given(optional: Mapping[str, object]) -> dict[str, object]:
    return {camel(name): value for name, value in optional.items() if value is not None}
