"""Fills a project from YAML, JSON or a mapping. The format is in docs/emulator-assumptions.md."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, cast

from ._memory.project import Call, Project
from ._memory.records import digest
from ._rules import access_keys, roles, tenants, users
from .answers import Problem, Refusal
from .errors import EmulatorError
from .fields import Fields, from_python

_SECTIONS: Final = ("tenants", "permissions", "roles", "users", "accessKeys")
_PROJECT_FIELDS: Final = frozenset({"id", "managementKey", *_SECTIONS})
_NAMED_TENANT: Final = frozenset({"tenantId", "roleNames"})
_ENTRY_FIELDS: Final[Mapping[str, frozenset[str]]] = {
    "tenants": frozenset(
        {"id", "name", "parent", "selfProvisioningDomains", "customAttributes", "disabled"}
    ),
    "permissions": frozenset({"name", "description"}),
    "roles": frozenset(
        {"name", "tenantId", "description", "permissionNames", "default", "private"}
    ),
    "users": frozenset(
        {
            "loginId",
            "identifier",
            "additionalLoginIds",
            "userId",
            "status",
            "test",
            "email",
            "phone",
            "verified",
            "verifiedEmail",
            "verifiedPhone",
            "name",
            "displayName",
            "givenName",
            "middleName",
            "familyName",
            "picture",
            "roleNames",
            "userTenants",
            "ssoAppIds",
            "ssoAppIDs",
            "customAttributes",
        }
    ),
    "accessKeys": frozenset(
        {
            "id",
            "name",
            "cleartext",
            "status",
            "description",
            "expireTime",
            "userId",
            "roleNames",
            "keyTenants",
            "permittedIps",
            "customClaims",
            "customAttributes",
        }
    ),
}
_TOP_FIELDS: Final = frozenset({"projects", *_SECTIONS})


def read(source: str | Path | Mapping[str, Any]) -> Fields:
    """The seed in a file, or one that is a mapping already.

    Raises:
        EmulatorError: It cannot be read, or is not a mapping of known fields.
    """
    values: object = source
    if isinstance(source, str | Path):
        try:
            text = Path(source).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise EmulatorError(f"cannot read the seed {source}: {error}") from error
        values = _parsed(Path(source), text)
        values = {} if values is None else values
    if not isinstance(values, Mapping):
        raise EmulatorError("a seed must be a mapping, such as {tenants: [{id: t1, name: One}]}")
    try:
        seed = Fields(from_python(cast("object", values)))
    except Refusal as refusal:
        reason = refusal.__cause__ or refusal
        raise EmulatorError(f"a seed must be what JSON can say: {reason}") from refusal
    _refuse_unknown(seed, _TOP_FIELDS)
    return seed


def projects(seed: Fields) -> list[tuple[str, str, Fields]]:
    """The further projects of a seed: id, management key (empty for a random one), contents."""
    try:
        found = seed.children("projects")
        for project in found:
            _refuse_unknown(project, _PROJECT_FIELDS)
        return [(each.required("id"), each.text("managementKey"), each) for each in found]
    except Refusal as refusal:
        raise _explained(refusal) from refusal


def fill(project: Project, seed: Fields, now: int, author: str) -> None:
    """Put the tenants, permissions, roles, users and access keys of a seed into a project.

    Raises:
        EmulatorError: A field of it is wrong; the message has its path.
    """
    makers: dict[str, Callable[[Call], object]] = {
        "tenants": tenants.create,
        "permissions": roles.create_permission,
        "roles": roles.create,
        "users": lambda call: users.add(call.project, call.fields, call.now),
        "accessKeys": _add_access_key,
    }
    try:
        for section in _SECTIONS:
            for fields in seed.children(section):
                _refuse_unknown(fields, _ENTRY_FIELDS[section])
                for name in ("keyTenants", "userTenants"):
                    for tenant in fields.children(name):
                        _refuse_unknown(tenant, _NAMED_TENANT)
                try:
                    makers[section](Call(project, fields, now, author))
                except Refusal as refusal:
                    raise _explained(refusal, fields.path) from refusal
    except Refusal as refusal:
        raise _explained(refusal) from refusal


def _add_access_key(call: Call) -> None:
    key_id, cleartext = call.fields.text("id"), call.fields.text("cleartext")
    if call.project.access_keys.get(key_id):
        raise Refusal(Problem.EXISTS, "An access key of this id exists")
    if ":" in cleartext or not cleartext.isascii() or not cleartext.isprintable():
        raise Refusal(
            Problem.INVALID, "The cleartext field must be printable ASCII without a colon"
        )
    if call.project.access_keys.find(digest(cleartext)):
        raise Refusal(Problem.EXISTS, "An access key of this secret exists")
    status = call.fields.text("status", "active")
    if status not in {"active", "inactive"}:
        raise Refusal(Problem.INVALID, "The status field must be active or inactive")
    key, _ = access_keys.issue(call, id=key_id, cleartext=cleartext)
    if status == "inactive":
        access_keys.deactivate(Call(call.project, Fields({"id": key.id}), call.now, call.author))


def _parsed(path: Path, text: str) -> object:
    if path.suffix == ".json":
        try:
            return cast("object", json.loads(text))
        except (ValueError, RecursionError) as error:
            raise EmulatorError(f"the seed {path} is not valid JSON: {error}") from error
    try:
        import yaml
    except ImportError as error:
        raise EmulatorError(
            f"reading the seed {path} needs PyYAML: pip install 'descope-async[cli]', or write "
            "the seed as a .json file"
        ) from error
    try:
        return cast("object", yaml.safe_load(text))
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise EmulatorError(f"the seed {path} is not valid YAML: {error}") from error


def _refuse_unknown(fields: Fields, known: frozenset[str]) -> None:
    name = fields.unknown(known)
    if name is not None:
        raise EmulatorError(f"the seed has an unknown field {name}; known are {sorted(known)}")


def _explained(refusal: Refusal, path: str = "") -> EmulatorError:
    place = f" at {path.removesuffix('.')}" if path else ""
    return EmulatorError(f"the seed is wrong{place}: {refusal.message}")
