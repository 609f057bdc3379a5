"""How keys are shown: a table for people, and JSON, JSON lines or CSV for machines."""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any, Final, cast

import descope_async

from . import moments
from .streams import say_more, write

#: Counts up when a field of the JSON output changes its meaning or goes away. New fields may come.
SCHEMA: Final = 1
#: A spreadsheet would take a cell that begins so for a formula.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
#: Columns of a terminal in which a table would leave no room for names.
_NARROW: Final = 64
_COLUMNS: Final = (
    "id",
    "name",
    "state",
    "expiresAt",
    "createdAt",
    "createdBy",
    "boundUserId",
    "roleNames",
    "tenants",
    "permittedIps",
    "description",
)


class Format(StrEnum):
    """How a command writes keys."""

    TABLE = "table"
    JSON = "json"
    JSONL = "jsonl"
    CSV = "csv"


def state(key: descope_async.AccessKey) -> str:
    """``active``, ``expired`` or ``inactive``: what a person wants to know of a key first."""
    if key.status != "active":
        return key.status or "unknown"
    return "expired" if key.expire_time and key.expire_time <= moments.now() else "active"


def record(key: descope_async.AccessKey) -> dict[str, Any]:
    """A key as JSON: the service's own fields, and its state and times as text."""
    return {
        **key.to_dict(),
        "state": state(key),
        "createdAt": moments.iso(key.created_time),
        "expiresAt": moments.iso(key.expire_time),
    }


def document(kind: str, **members: Any) -> str:
    """A JSON document of a command."""
    return json.dumps({"schema": SCHEMA, "kind": kind, **members}, ensure_ascii=False, indent=2)


def write_keys(
    keys: Sequence[descope_async.AccessKey], form: Format, *, ids_only: bool = False
) -> None:
    """Write keys to stdout: a table on a terminal, and elsewhere its rows with tabs between."""
    if ids_only:
        write("".join(f"{key.id}\n" for key in keys))
    elif form is Format.TABLE and sys.stdout.isatty():
        write(_table(keys))
        say_more(f"{len(keys)} access key{'' if len(keys) == 1 else 's'}")
    else:
        write(text_of(keys, form))


def text_of(keys: Sequence[descope_async.AccessKey], form: Format) -> str:
    """Keys as text for other programs."""
    if form is Format.JSON:
        return document("access_keys", keys=[record(key) for key in keys]) + "\n"
    if form is Format.JSONL:
        return "".join(json.dumps(record(key), ensure_ascii=False) + "\n" for key in keys)
    if form is Format.CSV:
        return _csv(keys)
    return "".join("\t".join(_short(key)) + "\n" for key in keys)


def _csv(keys: Iterable[descope_async.AccessKey]) -> str:
    import csv

    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for key in keys:
        writer.writerow([cell(value) for value in _row(key)])
    return text.getvalue()


def cell(value: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{value}" if value.startswith(_FORMULA) else value


def _row(key: descope_async.AccessKey) -> list[str]:
    found: Mapping[str, Any] = record(key)
    tenants = [
        f"{tenant.tenant_id}:{'+'.join(tenant.role_names)}"
        if tenant.role_names
        else tenant.tenant_id
        for tenant in key.key_tenants
    ]
    texts = {"tenants": " ".join(tenants)}
    for name in _COLUMNS:
        value: Any = found.get(name) or ""
        is_list = isinstance(value, list | tuple)
        texts.setdefault(name, " ".join(cast("list[str]", value)) if is_list else str(value))
    return [texts[name] for name in _COLUMNS]


def _table(keys: Sequence[descope_async.AccessKey]) -> str:
    from rich.console import Console
    from rich.markup import escape
    from rich.padding import Padding
    from rich.table import Table

    console = Console(highlight=False, soft_wrap=False)
    if console.width < _NARROW:
        with console.capture() as captured:
            for key in keys:
                key_id, *about = _short(key)
                console.print(f"[bold]{escape(key_id)}[/]")
                console.print(Padding(escape(" · ".join(filter(None, about))), (0, 0, 0, 2)))
        return captured.get()
    table = Table(box=None, pad_edge=False)
    for title, style in (
        ("ID", ""),
        ("NAME", ""),
        ("STATE", ""),
        ("EXPIRES", ""),
        ("GRANTS", "dim"),
    ):
        table.add_column(title, style=style, no_wrap=title in {"ID", "STATE"}, overflow="fold")
    for key in keys:
        shown = _short(key)
        colour = {"active": "green", "expired": "yellow"}.get(shown[2], "red")
        table.add_row(
            *(escape(each) for each in shown[:2]), f"[{colour}]{escape(shown[2])}[/]",
            *(escape(each) for each in shown[3:]),
        )  # fmt: skip
    with console.capture() as captured:
        console.print(table)
    return captured.get()


def _short(key: descope_async.AccessKey) -> list[str]:
    expires = moments.iso(key.expire_time)
    grants = [*key.role_names, *(tenant.tenant_id for tenant in key.key_tenants)]
    if key.bound_user_id:
        grants = [f"user {key.bound_user_id}"]
    return [
        printable(key.id),
        printable(key.name),
        state(key),
        expires[:10] if expires else "never",
        printable(", ".join(grants)),
    ]


def printable(text: str) -> str:
    """Text from the service that cannot move the cursor or end the line."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)


def on_one_line(text: str) -> str:
    """The same, with a space where a line ends: for what a program printed about its failure."""
    return printable(" ".join(text.split()))


def in_ci() -> bool:
    """Whether this is a job of a build server, whose output is kept and read by many."""
    return os.environ.get("CI", "").lower() not in {"", "0", "false"}
