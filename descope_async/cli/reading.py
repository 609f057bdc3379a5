"""The commands that read keys: ``list``, ``search``, ``show``, ``expiring`` and ``export``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, cast

import click

import descope_async
from descope_async.errors import NotFound

from . import completion, moments, output
from .exit_codes import ExitCode
from .output import Format
from .parameters import Argument, Option
from .running import carry_out, current
from .selection import Selection, ids
from .streams import say, write
from .whole_files import write_file

Tenants = Annotated[
    list[str] | None,
    Option("--tenant", "-t", help="Keys of this tenant; may be repeated.", metavar="ID"),
]
BoundUser = Annotated[str | None, Option(help="Keys that are bound to this user.", metavar="ID")]
Creator = Annotated[str | None, Option(help="Keys that this user made.", metavar="ID")]
Attributes = Annotated[
    list[str] | None,
    Option("--attribute", help="Keys with this value of an attribute.", metavar="NAME=VALUE"),
]
Text = Annotated[str | None, Option(help="Keys in which this text occurs.")]
Name = Annotated[
    str | None, Option(help="Keys whose name fits, such as 'ci-*'.", metavar="PATTERN")
]
State = Annotated[str | None, Option(help="active, expired or inactive.", metavar="STATE")]
Role = Annotated[str | None, Option(help="Keys with this role, on the project or in a tenant.")]
ExpiringIn = Annotated[
    str | None,
    Option(
        "--expiring-in", help="Active keys that expire within this time: 12h, 30d.", metavar="TIME"
    ),
]
Sort = Annotated[
    str | None,
    Option(help="Field to sort by, such as name or -createdTime.", metavar="FIELD"),
]
Ids = Annotated[
    list[str],
    Argument(metavar="ID", help="Keys; - reads ids from stdin.", complete=completion.key_ids),
]
AsJson = Annotated[bool, Option("--json", help="Write one JSON document.")]
IdsOnly = Annotated[bool, Option("--quiet", "-q", help="Write ids only, one a line.")]

_STATES = ("active", "expired", "inactive")


def list_keys(
    tenant: Tenants = None,
    bound_user: BoundUser = None,
    creator: Creator = None,
    attribute: Attributes = None,
    text: Text = None,
    name: Name = None,
    state: State = None,
    role: Role = None,
    expiring_in: ExpiringIn = None,
    sort: Sort = None,
    as_json: AsJson = False,
    ids_only: IdsOnly = False,
) -> None:
    """``descope-keys list``."""
    _show(
        Selection(
            tenants=tenant or (),
            bound_user=bound_user,
            creator=creator,
            attributes=attribute or (),
            text=text,
            name=name,
            state=_checked_state(state),
            role=role,
            expiring_within=None if expiring_in is None else moments.seconds(expiring_in),
            sort=sort,
        ),
        Format.JSON if as_json else Format.TABLE,
        ids_only=ids_only,
    )


def search(
    text: Annotated[str, Argument(help="What to look for.")],
    as_json: AsJson = False,
    ids_only: IdsOnly = False,
) -> None:
    """``descope-keys search``."""
    form = Format.JSON if as_json else Format.TABLE
    _show(Selection(text=text), form, ids_only=ids_only)


def show(
    key_ids: Ids,
    as_json: AsJson = False,
) -> None:
    """``descope-keys show``."""

    async def work() -> None:
        async with current().client() as client:
            keys = [await _loaded(client, each) for each in ids(key_ids)]
        if as_json:
            output.write_keys(keys, Format.JSON)
            return
        write("\n".join(map(_described, keys)))

    carry_out(work)


def expiring(
    within: Annotated[str, Option(help="How far to look ahead: 12h, 30d.", metavar="TIME")] = "30d",
    exit_code: Annotated[
        bool, Option("--exit-code", help=f"Leave with {ExitCode.FOUND} if there are any.")
    ] = False,
    as_json: AsJson = False,
    ids_only: IdsOnly = False,
) -> None:
    """``descope-keys expiring``."""
    selection = Selection(expiring_within=moments.seconds(within))

    async def work() -> ExitCode:
        async with current().client() as client:
            found = sorted(await selection.find(client), key=lambda key: key.expire_time)
        output.write_keys(found, Format.JSON if as_json else Format.TABLE, ids_only=ids_only)
        return ExitCode.FOUND if found and exit_code else ExitCode.DONE

    carry_out(work)


def export(
    form: Annotated[
        Format, Option("--format", "-f", help="json, jsonl, csv or table.")
    ] = Format.JSON,
    to: Annotated[
        Path | None,
        Option("--output", "-o", help="A file instead of stdout.", dir_okay=False),
    ] = None,
    tenant: Tenants = None,
    name: Name = None,
    state: State = None,
) -> None:
    """``descope-keys export``."""
    selection = Selection(tenants=tenant or (), name=name, state=_checked_state(state))

    async def work() -> None:
        async with current().client() as client:
            found = await selection.find(client)
        if to is None:
            output.write_keys(found, form)
            return
        write_file(to, output.text_of(found, form))
        say(f"{len(found)} access keys are in {to}")

    carry_out(work)


async def _loaded(client: descope_async.DescopeClient, key_id: str) -> descope_async.AccessKey:
    try:
        return await client.mgmt.access_key.load(key_id)
    except NotFound as error:
        if not error.error_code:  # it is not Descope that answers here
            raise
        is_shown = current().is_verbose and error.request_id
        request = f" (request {error.request_id})" if is_shown else ""
        say(f"there is no access key {output.printable(key_id)}{request}")
        raise click.exceptions.Exit(ExitCode.FAILED) from None


def _described(key: descope_async.AccessKey) -> str:
    return "".join(
        f"{field + ':':<18} {output.printable(_plain(value))}\n"
        for field, value in output.record(key).items()
        if value not in (None, "", [], {})
    )


def _show(selection: Selection, form: Format, *, ids_only: bool) -> None:
    async def work() -> None:
        async with current().client() as client:
            found = await selection.find(client)
        output.write_keys(found, form, ids_only=ids_only)

    carry_out(work)


def _checked_state(state: str | None) -> str | None:
    if state is not None and state not in _STATES:
        raise click.BadParameter(f"the state is {', '.join(_STATES)}; not {state!r}")
    return state


def _plain(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(_plain, cast("list[Any]", value)))
    if isinstance(value, dict):
        members = cast("dict[str, Any]", value).items()
        return "; ".join(f"{name}={_plain(each)}" for name, each in members if each)
    return str(value)
