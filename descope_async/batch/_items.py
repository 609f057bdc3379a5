"""The keys of a run: values that callers pass, and their form in the journal."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, cast

from attrs import define, field, frozen

from descope_async import _arguments as arguments
from descope_async._values.value import Buildable
from descope_async.errors import InvalidArgument
from descope_async.models import AccessKey, AssociatedTenant

#: What this package puts at the end of descriptions.
_MARKER: Final = re.compile(r"(^| )op:[0-9a-f]{16,24}(-[0-9]+)?$")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]+")


@frozen(eq=False, repr=False)
class NewKey(Buildable):
    """A key to create: the arguments of `create`, and what the run calls it.

    Attributes:
        name: What to call it. Names need not be unique.
        expire_time: When it stops working: epoch seconds or an aware datetime; 0 for never.
        role_names: Roles on the project.
        key_tenants: Tenants that it belongs to, with its roles in each.
        user_id: A user to bind it to.
        custom_claims: Claims for the top level of its session tokens.
        description: Free text. A marker of the run is added at its end, to find the key by.
        permitted_ips: IP addresses and CIDR ranges that may use it.
        custom_attributes: Values of attributes that the project declares for access keys.
        label: What sinks and the report call it; None for its name.
    """

    name: str
    expire_time: int | datetime = 0
    role_names: Sequence[str] | None = None
    key_tenants: Sequence[AssociatedTenant | Mapping[str, Any]] | None = None
    user_id: str | None = None
    custom_claims: Mapping[str, Any] | None = None
    description: str | None = None
    permitted_ips: Sequence[str] | None = None
    custom_attributes: Mapping[str, Any] | None = None
    label: str | None = field(default=None, kw_only=True)


@frozen(eq=False, repr=False)
class KeyChange(Buildable):
    """A key to update. None keeps what is there; an empty value clears it.

    Attributes:
        id: The key's id.
        name: Its new name; None to keep it.
        description: Free text.
        role_names: Roles on the project.
        key_tenants: Tenants with the key's roles in each.
        custom_claims: Claims for the top level of its session tokens.
        permitted_ips: Addresses and ranges that may use it.
        custom_attributes: Values of declared attributes.
    """

    id: str
    name: str | None = None
    description: str | None = None
    role_names: Sequence[str] | None = None
    key_tenants: Sequence[AssociatedTenant | Mapping[str, Any]] | None = None
    custom_claims: Mapping[str, Any] | None = None
    permitted_ips: Sequence[str] | None = None
    custom_attributes: Mapping[str, Any] | None = None


@define
class Item:
    """One key of a run, as it was planned.

    Attributes:
        number: Its place in the plan, from 0 on.
        label: What sinks and the report call it.
        key_id: The id of the key that there is already; empty for one to create.
        fields: Arguments for create or update, or for the create of a successor, ready for JSON.
    """

    number: int
    label: str
    key_id: str = ""
    fields: Mapping[str, Any] = field(factory=dict[str, Any], repr=False)

    def to_record(self) -> dict[str, Any]:
        """The journal line that plans this key."""
        record: dict[str, Any] = {"k": "plan", "i": self.number, "label": self.label}
        if self.key_id:
            record["id"] = self.key_id
        if self.fields:
            record["key"] = dict(self.fields)
        return record

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Item:
        """The key that a journal line plans."""
        return cls(record["i"], record["label"], record.get("id", ""), record.get("key", {}))


def new_key(number: int, given: object) -> Item:
    """A key to create.

    Raises:
        InvalidArgument: It cannot be created; the message says which of the items, and why.
    """
    where = f"items[{number}]"
    item = arguments.value_or_mapping(where, given, NewKey)
    checked = _checked(where, item, _CREATE)
    label = checked["name"] if item.label is None else item.label
    return Item(number, arguments.label(f"{where}.label", label), fields=checked)


def key_change(number: int, given: object) -> Item:
    """A key to update.

    Raises:
        InvalidArgument: It cannot be updated; the message says which of the items, and why.
    """
    where = f"items[{number}]"
    item = arguments.value_or_mapping(where, given, KeyChange)
    key_id = arguments.identifier(f"{where}.id", item.id)
    return Item(number, key_id, key_id, _checked(where, item, _UPDATE))


def existing_key(number: int, given: object) -> Item:
    """A key that exists: its id, an `AccessKey`, or a mapping with its ``id`` and ``label``.

    Raises:
        InvalidArgument: It is none; the message says which of the items.
    """
    where = f"keys[{number}]"
    label: object = None
    if isinstance(given, AccessKey):
        # Other clients can give names that would be refused here.
        label = _CONTROL.sub(" ", given.name).strip() or None
        given = given.id
    elif isinstance(given, Mapping):
        values = cast("Mapping[str, object]", given)
        unknown = values.keys() - {"id", "label"}
        if unknown or "id" not in values:
            raise InvalidArgument(f"{where} must have an id, may have a label, and nothing else")
        given, label = values["id"], values.get("label")
    key_id = arguments.identifier(where, given)
    return Item(
        number, key_id if label is None else arguments.label(f"{where}.label", label), key_id
    )


def replaced_key(number: int, given: object) -> Item:
    """A key that gets a successor: as `existing_key`, and a mapping may hold a ``successor``.

    Raises:
        InvalidArgument: It is none; the message says which of the items.
    """
    values = _members(given)
    if "successor" not in values:
        return existing_key(number, given)
    where = f"keys[{number}].successor"
    successor = arguments.value_or_mapping(where, values.pop("successor"), NewKey)
    item = existing_key(number, values)
    item.fields = _checked(where, successor, _CREATE)
    return item


def _members(given: object) -> dict[str, object]:
    return dict(cast("Mapping[str, object]", given)) if isinstance(given, Mapping) else {}


def _tenants(parameter: str, value: object) -> list[dict[str, Any]]:
    return [
        {"tenant_id": tenant.tenant_id, "role_names": list(tenant.role_names)}
        for tenant in arguments.tenants(parameter, value)
    ]


_UPDATE: Final[Mapping[str, Callable[[str, object], object]]] = {
    "name": arguments.label,
    "description": arguments.text,
    "role_names": arguments.labels,
    "key_tenants": _tenants,
    "custom_claims": arguments.json_object,
    "permitted_ips": arguments.addresses,
    "custom_attributes": arguments.json_object,
}
_CREATE: Final[Mapping[str, Callable[[str, object], object]]] = {
    **_UPDATE,
    "expire_time": arguments.expiry,
    "user_id": arguments.label,
}


def _checked(
    where: str, item: NewKey | KeyChange, checks: Mapping[str, Callable[[str, object], object]]
) -> dict[str, Any]:
    """The fields that were given, in a form that JSON can hold."""
    given = {name: getattr(item, name) for name in checks}
    return {
        name: checks[name](f"{where}.{name}", value)
        for name, value in given.items()
        if value is not None and value != 0
    }


def written_description(key: AccessKey) -> str:
    """A key's description without the marker that this package puts at its end."""
    return _MARKER.sub("", key.description)
