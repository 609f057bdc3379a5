"""A manifest: the access keys that there are to be, read from a YAML file."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import click
from attrs import frozen

from descope_async import _arguments as arguments
from descope_async.batch._timing import grace_period
from descope_async.cli import moments
from descope_async.cli.whole_files import read_file
from descope_async.errors import ConfigurationError, InvalidArgument

from .strict_yaml import Node, YamlProblem, read

_MOST_BYTES: Final = 8 * 1024 * 1024
_LABEL: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_TOP: Final = ("version", "project", "sinks", "grace", "delete_after", "keys")
_DAY: Final = 86_400.0


@frozen
class WantedKey:
    """A key as a manifest describes it.

    Attributes:
        label: What the manifest calls it.
        line: Where the manifest describes it.
        fields: What it says about the key, by the names of the manifest. What it does not name is left alone.
    """

    label: str
    line: int
    fields: Mapping[str, Any]


@frozen
class Manifest:
    """A file that describes access keys.

    Attributes:
        path: The file.
        project: The project that it is for; empty for any.
        sinks: Where the secrets of new keys go.
        grace: Seconds for which a key works on after it was replaced.
        delete_after: Seconds from the end of that time to its deletion; None to keep it deactivated.
        keys: The keys by label.
    """

    path: Path
    project: str
    sinks: tuple[str, ...]
    grace: float
    delete_after: float | None
    keys: Mapping[str, WantedKey]


def read_manifest(path: Path) -> Manifest:
    """Read a manifest.

    Raises:
        ConfigurationError: It cannot be used. The message names the line.
    """
    return manifest_of(path, text_of(path))


def text_of(path: Path) -> str:
    """The text of a manifest.

    Raises:
        ConfigurationError: It cannot be read.
    """
    try:
        return read_file(path, _MOST_BYTES).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ConfigurationError(f"{path} is not UTF-8 text") from None


def manifest_of(path: Path, text: str) -> Manifest:
    """The manifest in a text.

    Raises:
        ConfigurationError: It cannot be used. The message names the line.
    """
    try:
        return _manifest(path, read(text))
    except YamlProblem as problem:
        raise ConfigurationError(f"{path}, line {problem.line}: {problem.problem}") from None


def _manifest(path: Path, root: Node) -> Manifest:
    top = root.members()
    _refuse_unknown(top, _TOP)
    if "version" in top and top["version"].json() != 1:
        raise YamlProblem(top["version"].line, "this program reads version 1")
    if "keys" not in top:
        raise YamlProblem(root.line, "'keys' is missing: it holds the keys by label")
    return Manifest(
        path,
        top["project"].text() if "project" in top else "",
        tuple(_sinks(top["sinks"])) if "sinks" in top else (),
        _seconds("grace", top["grace"]) if "grace" in top else _DAY,
        _delete_after(top.get("delete_after")),
        {label: _key(label, node) for label, node in _listed(top["keys"]).items()},
    )


def _listed(keys: Node) -> dict[str, Node]:
    # After the last key was taken out, "keys:" has no value.
    return {} if keys.is_plain and not keys.value else keys.members()


def _key(label: str, node: Node) -> WantedKey:
    if not _LABEL.fullmatch(label):
        raise YamlProblem(
            node.line,
            f"the label {label!r} may have letters, digits, dots, hyphens and underscores only, up to 100",
        )
    given = {} if node.is_plain and not node.value else node.members()
    _refuse_unknown(given, FIELDS)
    fields: dict[str, Any] = {}
    for name, value in given.items():
        try:
            fields[name] = FIELDS[name](value)
        except (InvalidArgument, click.BadParameter) as error:
            raise YamlProblem(value.line, f"{error}") from None
    if fields.get("user_id") and (fields.get("roles") or fields.get("tenants")):
        raise YamlProblem(
            given["user_id"].line, "a key that is bound to a user has the user's roles and tenants"
        )
    return WantedKey(label, node.line, fields)


def _refuse_unknown(given: Mapping[str, Node], known: Iterable[str]) -> None:
    for name, node in given.items():
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(known)}"
            raise YamlProblem(node.line, f"{name!r} is unknown; {hint}")


def _sinks(node: Node) -> list[str]:
    texts = [node] if isinstance(node.value, str) else node.items()
    for each in texts:
        if not each.text():
            raise YamlProblem(each.line, "a sink must not be empty")
    return [each.text() for each in texts]


def _seconds(name: str, node: Node) -> float:
    try:
        return grace_period(name, moments.seconds(node.text()))
    except (click.BadParameter, InvalidArgument) as error:
        raise YamlProblem(node.line, str(error)) from None


def _delete_after(node: Node | None) -> float | None:
    if node is None:
        return 7 * _DAY
    return None if node.value == "never" else _seconds("delete_after", node)


def _name(node: Node) -> str:
    return arguments.label("name", node.text())


def _description(node: Node) -> str:
    return arguments.text("description", node.text())


def _expires(node: Node) -> str:
    text = node.text()
    if moments.is_length(text):
        raise YamlProblem(
            node.line, f"write a date such as 2027-01-31, or never: {text!r} has no fixed end"
        )
    return moments.iso(moments.expiry(text)) or "never"


def _names(node: Node) -> list[str]:
    return sorted(set(arguments.labels("roles", [each.text() for each in node.items()])))


def _tenants(node: Node) -> dict[str, Any]:
    return {
        arguments.label("tenants", tenant): _names(roles)
        for tenant, roles in sorted(node.members().items())
    }


def _user(node: Node) -> str:
    text = node.text()
    return arguments.label("user_id", text) if text else ""


def _addresses(node: Node) -> list[str]:
    texts: Sequence[str] = [each.text() for each in node.items()]
    return sorted(set(arguments.addresses("permitted_ips", texts)))


def _object(node: Node) -> Any:
    node.members()
    return arguments.json_object("the value", node.json())


#: What a manifest may say about a key, and how it is read.
FIELDS: Final[Mapping[str, Callable[[Node], Any]]] = {
    "name": _name,
    "description": _description,
    "expires": _expires,
    "roles": _names,
    "tenants": _tenants,
    "user_id": _user,
    "permitted_ips": _addresses,
    "claims": _object,
    "attributes": _object,
    "active": Node.flag,
}
