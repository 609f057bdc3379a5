"""The operations on management keys. They are about no single project."""

from __future__ import annotations

import attrs

from descope_async.emulator._error_answers import Problem, Refusal
from descope_async.emulator._fields import Fields
from descope_async.emulator._json import Json
from descope_async.emulator._memory.records import ManagementKey, digest, new_id, new_secret
from descope_async.emulator._memory.state import State
from descope_async.emulator._networks import read_networks
from descope_async.emulator.clock import LATEST

from .call import Call


class ManagementKeys:
    """The operations on the management keys of an emulator."""

    def __init__(self, state: State) -> None:
        self._state = state

    def create(self, call: Call) -> Json:
        """Create a key; the only answer with its secret."""
        fields = call.fields
        lifetime = fields.size("expiresIn", LATEST - call.now)
        cleartext = new_secret()
        key = ManagementKey(
            id=new_id("K"),
            secret_digest=digest(cleartext),
            project_ids=self._project_ids(fields.child("reBac")),
            name=fields.required("name"),
            description=fields.text("description"),
            permitted_ips=read_networks(fields),
            created_time=call.now,
            expire_time=call.now + lifetime if lifetime else 0,
            roles=fields.mapping("reBac"),
        )
        return {"key": to_json(self._state.managers.put(key)), "cleartext": cleartext}

    def load(self, call: Call) -> Json:
        """Show a key."""
        return {"key": to_json(self._named(call.fields.required("id")))}

    def search(self, _: Call) -> Json:
        """Show all keys."""
        return {"keys": [to_json(key) for key in self._state.managers]}

    def update(self, call: Call) -> Json:
        """Replace what describes a key."""
        fields = call.fields
        key = self._named(fields.required("id"))
        status = fields.text("status", key.status)
        if status not in {"active", "inactive"}:
            raise Refusal(Problem.INVALID, "The status field must be active or inactive")
        if key.is_default and status != "active":
            raise Refusal(Problem.WRONG_STATE, "The emulator's own management key stays active")
        changed = attrs.evolve(
            key,
            name=fields.required("name"),
            description=fields.text("description"),
            permitted_ips=read_networks(fields),
            status=status,
        )
        return {"key": to_json(self._state.managers.put(changed))}

    def delete(self, call: Call) -> Json:
        """Forget all of these keys, or none if one is unknown."""
        fields = call.fields
        ids = fields.names("ids") or ([fields.text("id")] if fields.has("id") else [])
        if not ids:
            raise Refusal(Problem.MISSING, "The ids field is required")
        keys = [self._named(key_id) for key_id in ids]
        if any(key.is_default for key in keys):
            raise Refusal(Problem.WRONG_STATE, "The emulator's own management key stays")
        for key in keys:
            self._state.managers.remove(key.id)
        return {"total": len(keys)}

    def _named(self, id: str) -> ManagementKey:
        key = self._state.managers.get(id)
        if key is None:
            raise Refusal(Problem.NOT_FOUND, "The management key does not exist")
        return key

    def _project_ids(self, roles: Fields) -> list[str]:
        """The projects that a key with these roles manages; none for all of them."""
        if roles.names("companyRoles"):
            return []
        if roles.children("tagRoles"):
            raise Refusal(Problem.NOT_EMULATED, "The local Descope does not emulate tagRoles")
        found: list[str] = []
        for role in roles.children("projectRoles"):
            role.names("roles")  # what they permit is not emulated
            found += role.names("projectIds")
        if not found:
            raise Refusal(Problem.MISSING, "The reBac field is required")
        for project_id in found:
            self._state.project(project_id)
        return list(dict.fromkeys(found))


def to_json(key: ManagementKey) -> Json:
    """A management key as the service shows it."""
    return {
        "id": key.id,
        "name": key.name,
        "description": key.description,
        "status": key.status,
        "createdTime": key.created_time,
        "expireTime": key.expire_time,
        "permittedIps": key.permitted_ips,
        "reBac": key.roles,
    }
