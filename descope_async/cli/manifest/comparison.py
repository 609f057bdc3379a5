"""A key beside its description: in which fields they differ."""

from __future__ import annotations

import json
from collections.abc import Mapping
from ipaddress import ip_network
from typing import Any, Final

from descope_async import AccessKey
from descope_async.cli import moments

#: What cannot be changed: the key gets a successor.
FIXED: Final = frozenset({"expires", "user_id"})
#: The arguments of create and update, by the names of the manifest.
_ARGUMENTS: Final = {
    "name": "name",
    "description": "description",
    "roles": "role_names",
    "permitted_ips": "permitted_ips",
    "claims": "custom_claims",
    "attributes": "custom_attributes",
}


def described(key: AccessKey) -> dict[str, Any]:
    """Everything about a key, as a manifest says it."""
    from descope_async.batch._items import written_description  # the marker is the batch's own

    return {
        "name": key.name,
        "description": written_description(key),
        "expires": moments.iso(key.expire_time) or "never",
        "roles": sorted(key.role_names),
        "tenants": {each.tenant_id: sorted(each.role_names) for each in key.key_tenants},
        "user_id": key.bound_user_id,
        "permitted_ips": sorted(key.permitted_ips),
        "claims": _plain(key.custom_claims),
        "attributes": _plain(key.custom_attributes),
        "active": key.status == "active",
    }


def differing(wanted: Mapping[str, Any], found: Mapping[str, Any]) -> list[str]:
    """The names of the fields that are wanted otherwise than they are."""
    return [
        name
        for name, value in wanted.items()
        if _canonical(name, value) != _canonical(name, found[name])
    ]


def arguments(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Fields of a manifest as arguments of create or update, without those that only create takes."""
    found = {_ARGUMENTS[name]: value for name, value in fields.items() if name in _ARGUMENTS}
    if "tenants" in fields:
        found["key_tenants"] = [
            {"tenant_id": tenant, "role_names": roles}
            for tenant, roles in fields["tenants"].items()
        ]
    return found


def arguments_of_create(label: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Fields of a manifest as arguments of create."""
    found = {"name": label, **arguments(fields)}
    found["expire_time"] = moments.expiry(fields.get("expires", "never"))
    if fields.get("user_id"):
        found["user_id"] = fields["user_id"]
    return {name: value for name, value in found.items() if value not in (None, "", [], {})}


def _canonical(name: str, value: Any) -> Any:
    """The same for all spellings that mean the same."""
    if name == "permitted_ips":
        return {_network(each) for each in value}
    if name in ("claims", "attributes"):
        # The service may give back 1 for 1.0.
        plain = json.loads(json.dumps(value), parse_float=_with_whole_numbers)
        return json.dumps(plain, sort_keys=True)
    return value


def _network(address: str) -> str:
    try:
        return str(ip_network(address, strict=False))
    except ValueError:
        return address


def _plain(value: Mapping[str, Any]) -> Any:
    return json.loads(json.dumps(dict(value)))


def _with_whole_numbers(text: str) -> float | int:
    number = float(text)
    return int(number) if number.is_integer() else number
