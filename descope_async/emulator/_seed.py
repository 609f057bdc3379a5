"""Seeds: what is put into new projects, from YAML, JSON or a mapping.

The format is in ``seed.schema.json`` beside this module.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from importlib import resources
from pathlib import Path
from typing import Any, Final, cast

import attrs

from ._error_answers import Problem, Refusal
from ._fields import Fields
from ._json import Json, from_python
from ._memory.project import Project
from ._memory.records import digest
from ._operations import access_keys, permissions, roles, tenants, users
from ._operations.call import Call
from .errors import EmulatorError
from .token_shapes import TokenShape, shape_from_json

#: What the service's keys look like; clients refuse others before they ask.
_CLEARTEXT: Final = re.compile(r"[!-9;-~]{20,512}")
_SECTIONS: Final = ("tenants", "permissions", "roles", "users", "accessKeys")
#: The format, for editors as well; what may stand in a seed is read from it.
_SCHEMA: Final[Json] = json.loads(
    resources.files("descope_async.emulator")
    .joinpath("seed.schema.json")
    .read_text(encoding="utf-8")
)


def _fields_of(name: str) -> frozenset[str]:
    return frozenset(_SCHEMA["$defs"][name]["properties"])


_TOP_FIELDS: Final = frozenset(_SCHEMA["properties"])
_PROJECT_FIELDS: Final = _fields_of("project")
_SHAPE_FIELDS: Final = _fields_of("tokenShape")
_ENTRY_FIELDS: Final[Mapping[str, frozenset[str]]] = {
    "tenants": _fields_of("tenant"),
    "permissions": _fields_of("permission"),
    "roles": _fields_of("role"),
    "users": _fields_of("user"),
    "accessKeys": _fields_of("accessKey"),
}
_NAMED_TENANT: Final = frozenset({"tenantId", "roleNames"})


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


def fill(project: Project, seed: Fields, now: int, author: str, strict: bool) -> None:
    """Put the tenants, permissions, roles, users and access keys of a seed into a project.

    Raises:
        EmulatorError: A field of it is wrong; the message has its path.
    """
    makers: dict[str, Callable[[Call], object]] = {
        "tenants": tenants.create,
        "permissions": permissions.create,
        "roles": roles.create,
        "users": users.add,
        "accessKeys": _add_access_key,
    }
    try:
        _fill_settings(project, seed)
        for section in _SECTIONS:
            for fields in seed.children(section):
                _refuse_unknown(fields, _ENTRY_FIELDS[section])
                for name in ("keyTenants", "userTenants"):
                    for tenant in fields.children(name):
                        _refuse_unknown(tenant, _NAMED_TENANT)
                try:
                    makers[section](Call(project, fields, now, author, strict))
                except Refusal as refusal:
                    raise _explained(refusal, fields.path) from refusal
    except Refusal as refusal:
        raise _explained(refusal) from refusal


def _fill_settings(project: Project, seed: Fields) -> None:
    settings = attrs.evolve(
        project.settings,
        key_attributes=seed.names("accessKeyAttributes"),
        token_shape=_read_shape(seed),
    )
    if settings != project.settings:
        project.change(settings)


def _read_shape(fields: Fields) -> TokenShape | None:
    if not fields.has("tokenShape"):
        return None
    shape = fields.child("tokenShape")
    _refuse_unknown(shape, _SHAPE_FIELDS)
    try:
        return shape_from_json(shape)
    except EmulatorError as error:
        path = f"{shape.path}".removesuffix(".")
        raise EmulatorError(f"the seed is wrong at {path}: {error}") from error


def _add_access_key(call: Call) -> None:
    key_id, cleartext = call.fields.text("id"), call.fields.text("cleartext")
    if call.project.access_keys.get(key_id):
        raise Refusal(Problem.EXISTS, "An access key of this id exists")
    if cleartext and not _CLEARTEXT.fullmatch(cleartext):
        raise Refusal(
            Problem.INVALID,
            "The cleartext field must be 20 to 512 visible ASCII characters without a colon",
        )
    if call.project.access_keys.find(digest(cleartext)):
        raise Refusal(Problem.EXISTS, "An access key of this secret exists")
    status = call.fields.text("status", "active")
    if status not in {"active", "inactive"}:
        raise Refusal(Problem.INVALID, "The status field must be active or inactive")
    shape = _read_shape(call.fields)
    key, _ = access_keys.issue(call, id=key_id, cleartext=cleartext)
    if shape:
        call.project.access_keys.put(attrs.evolve(key, token_shape=shape))
    if status == "inactive":
        access_keys.deactivate(attrs.evolve(call, fields=Fields({"id": key.id})))


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
