"""The fields of a key, as options and as columns of a CSV file say them."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Final, cast

import click

from descope_async.errors import ConfigurationError, InvalidArgument

from . import moments
from .name_values import json_or_text
from .parameters import Option
from .whole_files import read_file

Roles = Annotated[
    list[str] | None,
    Option("--role", help="A role on the project; may be repeated.", metavar="NAME"),
]
Tenants = Annotated[
    list[str] | None,
    Option(
        "--tenant",
        "-t",
        help="A tenant, with roles in it after a colon: t1:Reader+Biller; may be repeated.",
        metavar="ID[:ROLE+ROLE]",
    ),
]
Claims = Annotated[
    list[str] | None,
    Option("--claim", help="A claim of its tokens; may be repeated.", metavar="NAME=VALUE"),
]
Attributes = Annotated[
    list[str] | None,
    Option("--attribute", help="A custom attribute; may be repeated.", metavar="NAME=VALUE"),
]
Addresses = Annotated[
    list[str] | None,
    Option(
        "--permitted-ip",
        help="An address or range that may use it; may be repeated.",
        metavar="CIDR",
    ),
]
Description = Annotated[str | None, Option(help="Free text.")]
Expires = Annotated[
    str, Option(help="When it stops working: 90d, 2027-01-31 or never.", metavar="WHEN")
]

#: Columns of a CSV file, and what they may hold.
COLUMNS: Final = (
    "name",
    "label",
    "description",
    "expires",
    "roles",
    "tenants",
    "permitted_ips",
    "user_id",
    "claims",
    "attributes",
)
_MOST_BYTES: Final = 64 * 1024 * 1024
_MARKS: Final = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))


def tenants(given: Sequence[str] | None) -> list[dict[str, Any]] | None:
    """Tenants with the roles in them; None for none given."""
    return None if given is None else [_tenant(each) for each in given]


def rows(file: Path) -> Iterator[dict[str, Any]]:
    """The keys that a CSV file describes: the fields of a `NewKey`.

    The file may be UTF-8 or UTF-16, with commas, semicolons or tabs. In a cell, a bar or
    a semicolon parts several values.

    Raises:
        ConfigurationError: The file cannot be used. The message names the line.
    """
    text = _text(file)
    reader = csv.DictReader(io.StringIO(text, newline=""), dialect=_dialect(text))
    names = [name.strip().lower() for name in _header(file, reader)]
    if "name" not in names:
        raise ConfigurationError(
            f"{file} has no column 'name'; it has: {', '.join(names) or 'none'}"
        )
    if unknown := sorted({name for name in names if name} - set(COLUMNS)):
        raise ConfigurationError(
            f"{file} has unknown columns: {', '.join(unknown)}; there are {', '.join(COLUMNS)}"
        )
    if len(names) != len(set(names)):
        raise ConfigurationError(f"{file} names a column twice")
    reader.fieldnames = names
    try:
        for row in reader:
            if cells := _cells(row):
                yield checked(_key(cells))
    except (click.BadParameter, ConfigurationError) as error:
        raise ConfigurationError(f"{file}, line {reader.line_num}: {error}") from None
    except csv.Error as error:  # the line that could not be read is not counted yet
        raise ConfigurationError(f"{file}, line {reader.line_num + 1}: {error}") from None


def _cells(row: Mapping[str | None, str | None]) -> dict[str, str]:
    """The cells of a row that are not empty, by column."""
    if None in row or None in row.values():
        raise ConfigurationError("there are more or fewer cells than columns")
    return {name: value.strip() for name, value in row.items() if name and value and value.strip()}


def checked(key: dict[str, Any]) -> dict[str, Any]:
    """The fields of a key to create, when they can be right.

    Raises:
        ConfigurationError: They cannot.
    """
    from descope_async.batch._items import new_key  # pyright: ignore[reportPrivateUsage] - a part of this package

    try:
        new_key(0, key)
    except InvalidArgument as error:
        raise ConfigurationError(str(error).removeprefix("items[0].")) from None
    return key


def _header(file: Path, reader: csv.DictReader[str]) -> Sequence[str]:
    try:
        return reader.fieldnames or ()
    except csv.Error as error:
        raise ConfigurationError(f"{file}, line 1: {error}") from None


def _key(cells: dict[str, str]) -> dict[str, Any]:
    if "name" not in cells:
        raise ConfigurationError("there is no name")
    key: dict[str, Any] = {
        "name": cells["name"],
        "expire_time": moments.future_expiry(cells.get("expires", "never")),
    }
    for name in ("label", "description", "user_id"):
        if name in cells:
            key[name] = cells[name]
    for name, field in (("roles", "role_names"), ("permitted_ips", "permitted_ips")):
        if name in cells:
            key[field] = _listed(cells[name])
    if "tenants" in cells:
        key["key_tenants"] = tenants(_listed(cells["tenants"]))
    for name, field in (("claims", "custom_claims"), ("attributes", "custom_attributes")):
        if name in cells:
            key[field] = _object(name, cells[name])
    return key


def _listed(cell: str) -> list[str]:
    # Names of roles may hold spaces, so a bar or semicolon parts them where there is one.
    for mark in ("|", ";"):
        if mark in cell:
            return [each.strip() for each in cell.split(mark) if each.strip()]
    return [cell] if cell else []


def _object(name: str, cell: str) -> Any:
    found: object = json_or_text(cell)
    if isinstance(found, dict):
        return cast("dict[str, Any]", found)
    raise ConfigurationError(f"{name} must be a JSON object")


def _tenant(given: str) -> dict[str, Any]:
    tenant, colon, roles = given.partition(":")
    if not tenant or (colon and not roles):
        raise click.BadParameter(f"{given!r} is not a tenant such as t1 or t1:Reader+Biller")
    return {"tenant_id": tenant, "role_names": roles.split("+") if roles else []}


def _text(file: Path) -> str:
    data = read_file(file, _MOST_BYTES)
    encoding = next((name for mark, name in _MARKS if data.startswith(mark)), "utf-8")
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        raise ConfigurationError(f"{file} is neither UTF-8 nor UTF-16 text") from None
    if "\0" in text:
        raise ConfigurationError(f"{file} is no text")
    return text


def _dialect(text: str) -> type[csv.Dialect]:
    header = text.partition("\n")[0]

    class Dialect(csv.excel):
        delimiter = max(",;\t", key=header.count)
        strict = True

    return Dialect
