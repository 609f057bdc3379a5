"""The commands that make keys: ``create`` and ``provision``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from descope_async import CreatedAccessKey
from descope_async.errors import ConfigurationError

from . import bulk, key_fields, moments, output
from .bulk import AsJson, IdsOnly, Rate, To
from .consent import DEFAULT_MAX, DryRun, MaxChanges, Yes, agreed
from .exit_codes import ExitCode
from .name_values import pairs
from .parameters import Argument, Option
from .run_folders import RunFolder
from .running import carry_out, current
from .same_keys import new_run, refuse_unfinished
from .streams import deliver, say


def create(
    name: Annotated[str, Argument(help="What to call it.")],
    to: To = None,
    expires: key_fields.Expires = "never",
    role: key_fields.Roles = None,
    tenant: key_fields.Tenants = None,
    user: Annotated[str | None, Option(help="A user to bind it to.", metavar="ID")] = None,
    claim: key_fields.Claims = None,
    description: key_fields.Description = None,
    permitted_ip: key_fields.Addresses = None,
    attribute: key_fields.Attributes = None,
    reveal: Annotated[
        bool, Option("--reveal", help="Write the secret to stdout instead of a sink.")
    ] = False,
    force: Annotated[
        bool,
        Option("--force-reveal", help="The same on a build server, whose output is kept."),
    ] = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
    ids_only: IdsOnly = False,
) -> None:
    """``descope-keys create``."""
    key: dict[str, Any] = {
        "name": name,
        "expire_time": moments.future_expiry(expires),
        "role_names": role,
        "key_tenants": key_fields.tenants(tenant),
        "user_id": user,
        "custom_claims": pairs(claim),
        "description": description,
        "permitted_ips": permitted_ip,
        "custom_attributes": pairs(attribute),
    }

    async def work() -> ExitCode:
        run = current()
        _demand_one_place(to, reveal=reveal or force, force=force)
        key_fields.checked(key)
        async with run.client() as client:
            if to:
                refuse_unfinished(client.project_id, [name])
            if dry_run:
                say(f"create {name!r} in {run.where(client)}")
                if to:
                    await bulk.examine(client, "create", [key], to)
                return ExitCode.DONE
            if not to:
                created = await client.mgmt.access_key.create(**key)
                say(f"created {created.key.id}; its secret is shown this once")
                return _shown(created)
            folder = RunFolder.new(client.project_id, "create", to)
            return await bulk.carry(
                client,
                folder,
                lambda batch: batch.create([key]),
                as_json=as_json,
                ids_only=ids_only,
            )

    carry_out(work)


def provision(
    file: Annotated[Path, Argument(help="A CSV file.", dir_okay=False)],
    to: To = None,
    rate: Rate = "auto",
    canary: Annotated[
        int,
        Option(
            help="Prove so many keys before the rest begins.", min=0, max=2**31, metavar="COUNT"
        ),
    ] = 0,
    yes: Yes = False,
    dry_run: DryRun = False,
    max_changes: MaxChanges = DEFAULT_MAX,
    as_json: AsJson = False,
    ids_only: IdsOnly = False,
) -> None:
    """``descope-keys provision``."""
    pace = bulk.rate_of(rate)

    async def work() -> ExitCode:
        run = current()
        bulk.demand_sink(to)
        rows = list(key_fields.rows(file))
        if not rows:
            say(f"{file} names no keys")
            return ExitCode.DONE
        async with run.client() as client:
            labels = [row.get("label", row["name"]) for row in rows]
            refuse_unfinished(client.project_id, labels)
            lines = [_planned(row) for row in rows]
            if not agreed(
                run, client, "create", lines, yes=yes, dry_run=dry_run, max_changes=max_changes
            ):
                await bulk.examine(client, "create", rows, to or ())
                return ExitCode.DONE
            folder = new_run(client.project_id, "create", to or (), labels)
            return await bulk.carry(
                client,
                folder,
                lambda batch: batch.create(rows),
                as_json=as_json,
                ids_only=ids_only,
                rate=pace,
                canary=canary,
            )

    carry_out(work)


def _shown(created: CreatedAccessKey) -> ExitCode:
    """Write a secret to stdout, which may be a pipe that nobody reads, or a full disk."""
    try:
        deliver(f"{created.cleartext}\n")
    except OSError as error:
        say(
            f"its secret could not be written, and is lost ({error.strerror}): "
            f"descope-keys rotate {created.key.id} --to 'file:keys/{{id}}.json' gives it another"
        )
        return ExitCode.FAILED
    return ExitCode.DONE


def _planned(row: dict[str, Any]) -> str:
    expires = moments.iso(row["expire_time"]) or "never"
    grants = [
        *row.get("role_names", ()),
        *(each["tenant_id"] for each in row.get("key_tenants", ())),
    ]
    label = f" ({row['label']})" if row.get("label", row["name"]) != row["name"] else ""
    return f"{row['name']}{label}  expires {expires}  {', '.join(grants)}".rstrip()


def _demand_one_place(to: list[str] | None, *, reveal: bool, force: bool) -> None:
    if bool(to) == reveal:
        raise ConfigurationError(
            "say where the secret goes: --to 'file:keys/{id}.json', or --reveal to write it to stdout"
        )
    if reveal and output.in_ci() and not force:
        raise ConfigurationError(
            "this looks like a build server (CI is set), whose output is kept: use --to, "
            "or --force-reveal if you know what you do"
        )
