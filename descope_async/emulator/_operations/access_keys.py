"""The operations on access keys: create, load, search, update, switch, rotate, delete."""

from __future__ import annotations

from typing import Final

import attrs

from descope_async.emulator._error_answers import Problem, Refusal
from descope_async.emulator._fields import INT64, Fields
from descope_async.emulator._json import Json
from descope_async.emulator._memory.project import Project
from descope_async.emulator._memory.records import AccessKey, digest, new_id, new_secret
from descope_async.emulator._networks import read_networks
from descope_async.emulator.clock import LATEST

from .call import Call
from .criteria import arrange, has_attributes, has_text, one_of
from .existence import check_attributes, check_grants
from .grants import grants_of_key, read_tenants, tenants_to_json

_SORTABLE: Final = frozenset({
    "id", "name", "roleNames", "keyTenants", "status", "createdTime", "expireTime", "createdBy",
    "clientId", "boundUserId", "description", "permittedIps", "editable",
})  # fmt: skip


def issue(call: Call, *, id: str = "", cleartext: str = "") -> tuple[AccessKey, str]:
    """Create a key and its secret, both random unless given."""
    fields = call.fields
    name = fields.required("name")
    cleartext = cleartext or new_secret()
    bound_user_id = fields.text("userId")
    key = AccessKey(
        id=id or new_id("K"),
        name=name,
        secret_digest=digest(cleartext),
        client_id=new_id("C"),
        created_by=call.author,
        created_time=call.now,
        expire_time=_read_expiry(fields),
        description=fields.text("description"),
        role_names=fields.names("roleNames"),
        tenants=read_tenants(fields, "keyTenants"),
        bound_user_id=bound_user_id,
        custom_claims=fields.mapping("customClaims"),
        custom_attributes=fields.mapping("customAttributes"),
        permitted_ips=read_networks(fields),
    )
    return _put(call, key), cleartext


def create(call: Call) -> Json:
    """Create a key; the only answer but rotate's with its secret."""
    key, cleartext = issue(call)
    return {"key": to_json(call.project, key), "cleartext": cleartext}


def load(call: Call) -> Json:
    """Show a key."""
    return {"key": to_json(call.project, named(call))}


def search(call: Call) -> Json:
    """Show the keys that meet every criterion given, oldest first unless sorted."""
    fields = call.fields
    tenant_ids = one_of(fields, "tenantIds")
    bound_user_id = fields.text("boundUserId")
    creating_user = fields.text("creatingUser")
    attributes = has_attributes(fields)
    text = has_text(fields)
    found = [
        to_json(call.project, key)
        for key in call.project.access_keys
        if tenant_ids(grants_of_key(call.project, key).tenants)
        and (not bound_user_id or key.bound_user_id == bound_user_id)
        and (not creating_user or key.created_by == creating_user)
        and attributes(key.custom_attributes)
        and text((key.id, key.name, key.description))
    ]
    return {"keys": arrange(found, fields, _SORTABLE)}


def update(call: Call) -> Json:
    """Change a key: absent fields stay, empty ones clear; expiry and binding never change."""
    fields = call.fields
    fields.required("id")
    name = fields.required("name")
    key = named(call)
    changed = attrs.evolve(
        key,
        name=name,
        description=fields.keep("description", fields.text, key.description),
        role_names=fields.keep("roleNames", fields.names, key.role_names),
        tenants=fields.keep("keyTenants", lambda field: read_tenants(fields, field), key.tenants),
        custom_claims=fields.keep("customClaims", fields.mapping, key.custom_claims),
        custom_attributes=fields.keep("customAttributes", fields.mapping, key.custom_attributes),
        permitted_ips=fields.keep(
            "permittedIps", lambda _: read_networks(fields), key.permitted_ips
        ),
    )
    return {"key": to_json(call.project, _put(call, changed))}


def activate(call: Call) -> Json:
    """Let a key be used again; an active one stays so."""
    _switch(call, [named(call)], "active")
    return {}


def deactivate(call: Call) -> Json:
    """Let a key be refused until it is activated; an inactive one stays so."""
    _switch(call, [named(call)], "inactive")
    return {}


def delete(call: Call) -> Json:
    """Forget a key for good."""
    call.project.access_keys.remove(named(call).id)
    return {}


def activate_batch(call: Call) -> Json:
    """Activate all of these keys, or none if one is unknown."""
    _switch(call, _listed(call), "active")
    return {}


def deactivate_batch(call: Call) -> Json:
    """Deactivate all of these keys, or none if one is unknown."""
    _switch(call, _listed(call), "inactive")
    return {}


def delete_batch(call: Call) -> Json:
    """Delete all of these keys, or none if one is unknown."""
    for key in _listed(call):
        call.project.access_keys.remove(key.id)
    return {}


def rotate(call: Call) -> Json:
    """Give a key a new secret; the old one is refused from now on."""
    key = named(call)
    if key.status != "active":
        raise Refusal(Problem.WRONG_STATE, "Only an active access key can be rotated")
    if key.is_expired(call.now):
        raise Refusal(Problem.WRONG_STATE, "An expired access key cannot be rotated")
    cleartext = new_secret()
    rotated = call.project.access_keys.put(attrs.evolve(key, secret_digest=digest(cleartext)))
    return {"key": to_json(call.project, rotated), "cleartext": cleartext}


def to_json(project: Project, key: AccessKey) -> Json:
    """A key as the service shows it: every field, the empty ones too."""
    return {
        "id": key.id,
        "name": key.name,
        "roleNames": key.role_names,
        "keyTenants": tenants_to_json(project, key.tenants),
        "status": key.status,
        "createdTime": key.created_time,
        "expireTime": key.expire_time,
        "createdBy": key.created_by,
        "clientId": key.client_id,
        "boundUserId": key.bound_user_id,
        "customClaims": key.custom_claims,
        "description": key.description,
        "permittedIps": key.permitted_ips,
        "editable": True,
        "customAttributes": key.custom_attributes,
    }


def _read_expiry(fields: Fields) -> int:
    """Epoch seconds that the answer's schema can hold: 32 bits, so until 2038."""
    expire_time = fields.size("expireTime", INT64)
    if expire_time > LATEST:
        raise Refusal(
            Problem.INVALID, f"The expireTime field must be at most {LATEST}: answers have 32 bits"
        )
    return expire_time


def _put(call: Call, key: AccessKey) -> AccessKey:
    kept = _without_ignored(key)
    if call.strict:
        check_grants(call.project, kept.role_names, kept.tenants)
        check_attributes(call.project, kept.custom_attributes)
        if kept.bound_user_id and call.project.users.get(kept.bound_user_id) is None:
            raise Refusal(Problem.NO_USER, "The user does not exist")
    return call.project.access_keys.put(kept)


def _without_ignored(key: AccessKey) -> AccessKey:
    """A bound key has its user's roles and tenants, and none of its own."""
    return attrs.evolve(key, role_names=[], tenants={}) if key.bound_user_id else key


def named(call: Call) -> AccessKey:
    """The key that a request means, by its id."""
    return _known(call.project, call.fields.required("id"))


def _listed(call: Call) -> list[AccessKey]:
    ids = call.fields.names("ids")
    if not ids:
        raise Refusal(Problem.MISSING, "The ids field is required")
    return [_known(call.project, each) for each in ids]


def _known(project: Project, id: str) -> AccessKey:
    key = project.access_keys.get(id)
    if key is None:
        raise Refusal(Problem.NOT_FOUND, "The access key does not exist")
    return key


def _switch(call: Call, keys: list[AccessKey], status: str) -> None:
    for key in keys:
        if key.status != status:
            call.project.access_keys.put(attrs.evolve(key, status=status))
