"""The operations that Terraform's provider calls for its resource ``descope_access_key``.

All four are at ``/v1/mgmt/infra``, by the requests that the provider's source makes.
"""

from __future__ import annotations

import attrs

from descope_async.emulator._error_answers import Problem, Refusal
from descope_async.emulator._fields import Fields
from descope_async.emulator._json import Json
from descope_async.emulator._memory.records import AccessKey

from . import access_keys
from .call import Call
from .existence import check_grants
from .grants import read_tenants

_ENTITY = "access_key"


def create(call: Call) -> Json:
    """Create a key; the only answer with its secret."""
    data = _data(call)
    status = _status(data, "active")
    key, cleartext = access_keys.issue(attrs.evolve(call, fields=data))
    answer = _answer(call, call.project.access_keys.put(attrs.evolve(key, status=status)))
    answer["data"]["cleartext"] = cleartext
    return answer


def load(call: Call) -> Json:
    """Show a key."""
    _check_entity(call)
    return _answer(call, access_keys.named(call))


def update(call: Call) -> Json:
    """Change a key: absent fields stay, and expiry and binding never change."""
    key = access_keys.named(call)
    data = _data(call).joined({"id": key.id})
    status = _status(data, key.status)
    access_keys.update(attrs.evolve(call, fields=data))
    changed = attrs.evolve(access_keys.named(call), status=status)
    return _answer(call, call.project.access_keys.put(changed))


def delete(call: Call) -> Json:
    """Forget a key for good."""
    _check_entity(call)
    access_keys.delete(call)
    return {}


def _check_entity(call: Call) -> None:
    entity = call.fields.required("entity")
    if entity != _ENTITY:
        raise Refusal(
            Problem.NOT_EMULATED, "The local Descope does not emulate the entity {}", entity
        )


def _status(data: Fields, otherwise: str) -> str:
    status = data.text("status") or otherwise
    if status not in {"active", "inactive"}:
        raise Refusal(Problem.INVALID_ENTITY, "The status field must be active or inactive")
    return status


def _data(call: Call) -> Fields:
    """What the request says of the key, under the names that the other operations use."""
    _check_entity(call)
    data = call.fields.child("data")
    tenants = read_tenants(data, "keyTenants")
    check_grants(call.project, data.names("roleNames"), tenants, Problem.INVALID_ENTITY)
    return data.joined({"userId": data.text("boundUserId")})


def _answer(call: Call, key: AccessKey) -> Json:
    return {"entity": _ENTITY, "id": key.id, "data": access_keys.to_json(call.project, key)}
