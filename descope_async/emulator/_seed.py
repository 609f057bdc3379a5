"""Seeds: what is put into new projects, from YAML, JSON or a mapping.

The format is in ``seed.schema.json`` beside this module.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any, Final, cast

import attrs

from . import _arguments as arguments
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
        file = arguments.path("seed", source)
        try:
            text = file.read_text(encoding="utf-8-sig")
        except OSError as error:
            raise EmulatorError(f"cannot read the seed {source}: {error.strerror}") from error
        except UnicodeDecodeError as error:
            raise EmulatorError(
                f"cannot read the seed {source}: it is no UTF-8 text; PowerShell writes that with "
                "Out-File -Encoding utf8"
            ) from error
        values = _parsed(file, text)
        values = {} if values is None else values
    if not isinstance(values, Mapping):
        raise EmulatorError("a seed must be a mapping, such as {tenants: [{id: t1, name: One}]}")
    try:
        seed = Fields(from_python(cast("object", values)))
    except Refusal as refusal:
        reason, place = refusal.__cause__ or refusal, _misfit(cast("object", values))
        where = f", at {place}" if place else ""
        raise EmulatorError(f"a seed must be what JSON can say: {reason}{where}") from refusal
    _refuse_unknown(seed, _TOP_FIELDS)
    return seed


def projects(seed: Fields, first: str) -> list[tuple[str, str, Fields]]:
    """The further projects of a seed: id, management key (empty for a random one), contents.

    Raises:
        EmulatorError: A project is wrong, is there twice, or is the `first` one.
    """
    try:
        found = seed.children("projects")
        ids: set[str] = set()
        for project in found:
            _refuse_unknown(project, _PROJECT_FIELDS)
            project_id = project.required("id")
            if project_id == first:
                message = f"{first} is the first project, whose contents are at the top of a seed"
                raise _explained(Refusal(Problem.EXISTS, message), project.path)
            if project_id in ids:
                message = f"The project {project_id} is there twice"
                raise _explained(Refusal(Problem.EXISTS, message), project.path)
            ids.add(project_id)
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
            return cast("object", json.loads(text, object_pairs_hook=_unique))
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
        loader: Any = yaml.SafeLoader(text)
        root = loader.get_single_node()
        _refuse_repetitions(root, loader.construct_object)
        return None if root is None else cast("object", loader.construct_document(root))
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise EmulatorError(f"the seed {path} is not valid YAML: {error}") from error


def _unique(pairs: list[tuple[str, Any]]) -> Json:
    found: Json = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f"{name} is there twice in one object")
        found[name] = value
    return found


def _refuse_repetitions(root: Any, value_of: Callable[[Any], Any]) -> None:
    """Refuse YAML that names a field twice in one mapping: PyYAML would keep only the last.

    Args:
        root: The outermost node.
        value_of: The value of a node: ``1`` and ``0x1`` are one name, and ``1`` and ``'1'`` are two.
    """
    seen: set[int] = set()
    nodes: list[Any] = [root]
    while nodes:
        node = nodes.pop()
        if node is None or id(node) in seen or node.id == "scalar":
            continue
        seen.add(id(node))
        if node.id == "sequence":
            nodes += node.value
            continue
        names: set[Any] = set()
        for key, value in node.value:
            nodes.append(value)
            if key.id != "scalar" or key.tag.endswith(":merge"):
                continue
            name = value_of(key)
            if name in names:
                line = key.start_mark.line + 1
                raise ValueError(f"{key.value} is there twice in one mapping, again in line {line}")
            names.add(name)


def _misfit(root: object) -> str:
    """Where the first value is that JSON cannot say; empty if it is not found."""
    seen: set[int] = set()
    found = [("", root)]
    while found:
        place, value = found.pop()
        if isinstance(value, Mapping | list | tuple):
            if id(cast("object", value)) in seen:
                continue
            seen.add(id(cast("object", value)))
        if isinstance(value, Mapping):
            fields = cast("Mapping[object, object]", value).items()
            inner = [(f"{place}.{name}" if place else str(name), each) for name, each in fields]
            found += reversed(inner)
        elif isinstance(value, list | tuple):
            items = list(cast("Sequence[object]", value))
            inner = [(f"{place}[{index}]", each) for index, each in enumerate(items)]
            found += reversed(inner)
        elif not (value is None or isinstance(value, str | int) or _is_finite(value)):
            return place
    return ""


def _is_finite(value: object) -> bool:
    return isinstance(value, float) and math.isfinite(value)


def _refuse_unknown(fields: Fields, known: frozenset[str]) -> None:
    name = fields.unknown(known)
    if name is not None:
        raise EmulatorError(f"the seed has an unknown field {name}; known are {sorted(known)}")


def _explained(refusal: Refusal, path: str = "") -> EmulatorError:
    place = f" at {path.removesuffix('.')}" if path else ""
    return EmulatorError(f"the seed is wrong{place}: {refusal.message}")
