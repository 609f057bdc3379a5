"""The commands that change keys that there are, by the list."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import click

from . import bulk, key_fields, moments
from .bulk import AsJson, IdsOnly, Rate, To
from .consent import DEFAULT_MAX, DryRun, MaxChanges, Yes, agreed, line_of
from .exit_codes import ExitCode
from .name_values import pairs
from .parameters import Option, wrong_value
from .reading import Ids
from .run_folders import RunFolder, being_succeeded
from .running import carry_out, current
from .same_keys import new_run
from .selection import by_ids, ids
from .streams import say

if TYPE_CHECKING:
    from descope_async import AccessKey, DescopeClient

#: Does the change to these keys.
Work = Callable[["DescopeClient", list["AccessKey"]], Awaitable[ExitCode]]

Grace = Annotated[
    str, Option(help="How long the old key goes on to work: 12h, 7d.", metavar="TIME")
]
DeleteAfter = Annotated[
    str,
    Option(help="When to delete the old key after that: 7d or never.", metavar="TIME"),
]


def update(
    key_ids: Ids,
    name: Annotated[str | None, Option(help="A new name.")] = None,
    description: key_fields.Description = None,
    role: key_fields.Roles = None,
    tenant: key_fields.Tenants = None,
    claim: key_fields.Claims = None,
    permitted_ip: key_fields.Addresses = None,
    attribute: key_fields.Attributes = None,
    clear: Annotated[
        list[str] | None,
        Option(
            help="Empty this: roles, tenants, claims, permitted-ips or attributes.", metavar="WHAT"
        ),
    ] = None,
    yes: Yes = False,
    dry_run: DryRun = False,
    max_changes: MaxChanges = DEFAULT_MAX,
) -> None:
    """``descope-keys update``."""
    change: dict[str, Any] = {
        "name": name,
        "description": description,
        "role_names": role,
        "key_tenants": key_fields.tenants(tenant),
        "custom_claims": pairs(claim),
        "permitted_ips": permitted_ip,
        "custom_attributes": pairs(attribute),
    }
    for what in clear or ():
        if what not in _CLEARED:
            raise click.BadParameter(f"--clear is {', '.join(_CLEARED)}; not {what!r}")
        field, empty = _CLEARED[what]
        change[field] = empty
    wanted = {field: value for field, value in change.items() if value is not None}
    if not wanted:
        raise click.BadParameter("nothing is to be changed: name a change, such as --description")
    described = ", ".join(sorted(wanted))

    async def work(client: DescopeClient, found: list[AccessKey]) -> ExitCode:
        folder = RunFolder.new(client.project_id, "update", ())
        changes = [{"id": key.id, **wanted} for key in found]
        return await bulk.carry(client, folder, lambda batch: batch.update(changes))

    _change(
        f"change {described} of", key_ids, work, yes=yes, dry_run=dry_run, max_changes=max_changes
    )


def rotate(
    key_ids: Ids,
    to: To = None,
    grace: Annotated[
        str | None,
        Option(
            help="Keep the old secret for so long, by a successor: 12h, 7d. Without it, the old secret is dead at once.",
            metavar="TIME",
        ),
    ] = None,
    delete_after: DeleteAfter = "7d",
    rate: Rate = "auto",
    yes: Yes = False,
    dry_run: DryRun = False,
    max_changes: MaxChanges = DEFAULT_MAX,
    as_json: AsJson = False,
    ids_only: IdsOnly = False,
) -> None:
    """``descope-keys rotate``."""
    later = _retiring("0s" if grace is None else grace, delete_after)
    retiring, pace = {} if grace is None else later, bulk.rate_of(rate)

    async def work(client: DescopeClient, found: list[AccessKey]) -> ExitCode:
        folder = new_run(client.project_id, "rotate", to or (), [key.id for key in found])
        return await bulk.carry(
            client,
            folder,
            lambda batch: batch.rotate(found, **retiring),
            as_json=as_json,
            ids_only=ids_only,
            rate=pace,
        )

    _change(
        "rotate",
        key_ids,
        work,
        yes=yes,
        dry_run=dry_run,
        max_changes=max_changes,
        sinks=to,
        is_urgent=grace is None,
    )


def replace(
    key_ids: Ids,
    expires: key_fields.Expires,
    to: To = None,
    grace: Grace = "1d",
    delete_after: DeleteAfter = "7d",
    rate: Rate = "auto",
    yes: Yes = False,
    dry_run: DryRun = False,
    max_changes: MaxChanges = DEFAULT_MAX,
    as_json: AsJson = False,
    ids_only: IdsOnly = False,
) -> None:
    """``descope-keys replace``."""
    expire_time, retiring = moments.future_expiry(expires), _retiring(grace, delete_after)
    pace = bulk.rate_of(rate)

    async def work(client: DescopeClient, found: list[AccessKey]) -> ExitCode:
        folder = new_run(client.project_id, "replace", to or (), [key.id for key in found])
        return await bulk.carry(
            client,
            folder,
            lambda batch: batch.replace(found, expire_time, **retiring),
            as_json=as_json,
            ids_only=ids_only,
            rate=pace,
        )

    _change("replace", key_ids, work, yes=yes, dry_run=dry_run, max_changes=max_changes, sinks=to)


def activate(
    key_ids: Ids, yes: Yes = False, dry_run: DryRun = False, max_changes: MaxChanges = DEFAULT_MAX
) -> None:
    """``descope-keys activate``."""
    _switch("activate", key_ids, yes=yes, dry_run=dry_run, max_changes=max_changes)


def deactivate(
    key_ids: Ids, yes: Yes = False, dry_run: DryRun = False, max_changes: MaxChanges = DEFAULT_MAX
) -> None:
    """``descope-keys deactivate``."""
    _switch("deactivate", key_ids, yes=yes, dry_run=dry_run, max_changes=max_changes)


def delete(
    key_ids: Ids, yes: Yes = False, dry_run: DryRun = False, max_changes: MaxChanges = DEFAULT_MAX
) -> None:
    """``descope-keys delete``."""
    _switch("delete", key_ids, yes=yes, dry_run=dry_run, max_changes=max_changes)


#: Outcomes of keys that have their successor.
_WELL: Final = frozenset({"waiting", "stored, unproven"})
_CLEARED: Final[dict[str, tuple[str, Any]]] = {
    "roles": ("role_names", []),
    "tenants": ("key_tenants", []),
    "claims": ("custom_claims", {}),
    "permitted-ips": ("permitted_ips", []),
    "attributes": ("custom_attributes", {}),
}


def _switch(action: str, key_ids: list[str], *, yes: bool, dry_run: bool, max_changes: int) -> None:
    async def work(client: DescopeClient, found: list[AccessKey]) -> ExitCode:
        folder = RunFolder.new(client.project_id, action, ())
        return await bulk.carry(client, folder, lambda batch: getattr(batch, action)(found))

    _change(action, key_ids, work, yes=yes, dry_run=dry_run, max_changes=max_changes)


def _change(
    action: str,
    key_ids: list[str],
    work: Work,
    *,
    yes: bool,
    dry_run: bool,
    max_changes: int,
    sinks: list[str] | Literal["none needed"] | None = "none needed",
    is_urgent: bool = False,
) -> None:
    """Look the keys up, show the plan, ask, and do it.

    Args:
        action: What is done, such as ``"rotate"``.
        key_ids: The keys.
        work: Does it.
        yes: Whether to go on without asking.
        dry_run: Whether to show the plan only.
        max_changes: How many keys may be changed.
        sinks: Where secrets go.
        is_urgent: Whether old secrets are to be dead at once.
    """

    async def whole() -> ExitCode:
        run = current()
        if sinks != "none needed":
            bulk.demand_sink(sinks)
        wanted = ids(key_ids)
        if not wanted:
            return ExitCode.DONE
        async with run.client() as client:
            found, at_best = await by_ids(client, wanted), ExitCode.DONE
            if sinks != "none needed":
                found, at_best = _without_those_under_way(client.project_id, found, is_urgent)
            if not found:
                return at_best
            lines = [line_of(key) for key in found]
            if not agreed(
                run, client, action, lines, yes=yes, dry_run=dry_run, max_changes=max_changes
            ):
                if sinks and sinks != "none needed":
                    operation: Any = action  # only these two have sinks
                    await bulk.examine(client, operation, found, sinks)
                return at_best
            return await work(client, found) or at_best

    carry_out(whole)


def _without_those_under_way(
    project: str, keys: list[AccessKey], is_urgent: bool
) -> tuple[list[AccessKey], ExitCode]:
    """The keys that no run is rotating or replacing already, and the best exit code. The others are named.

    A key that has its successor and waits for its end is well, as a job of cron expects; but not
    where its old secret is to be dead at once.
    """
    busy, at_best = being_succeeded(project), ExitCode.DONE
    for key in keys:
        if key.id in busy:
            run, outcome = busy[key.id]
            if outcome not in _WELL:
                at_best = ExitCode.PARTIAL
            elif is_urgent and key.is_active:
                at_best = ExitCode.PARTIAL
                say(
                    f"{key.id} is not rotated, and its secret still works: the run {run} has made its "
                    f"successor.\n  To end it at once: descope-keys deactivate {key.id}"
                )
                continue
            say(f"{key.id} is left out: the run {run} works on it; descope-keys resume {run}")
    return [key for key in keys if key.id not in busy], at_best


def _retiring(grace: str, delete_after: str) -> dict[str, Any]:
    from descope_async.batch._timing import grace_period  # pyright: ignore[reportPrivateUsage] - a part of this package

    with wrong_value():
        return {
            "grace": grace_period("--grace", moments.seconds(grace)),
            "delete_after": None
            if delete_after == "never"
            else grace_period("--delete-after", moments.seconds(delete_after)),
        }
