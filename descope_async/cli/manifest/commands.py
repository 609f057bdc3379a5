"""The commands about manifests: ``plan``, ``apply``, ``drift`` and ``import``."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated, Any

import click
from attrs import evolve

import descope_async
from descope_async.cli import bulk, output
from descope_async.cli.bulk import AsJson, Rate, To
from descope_async.cli.consent import DEFAULT_MAX, DryRun, MaxChanges, Yes, consent
from descope_async.cli.exit_codes import ExitCode
from descope_async.cli.parameters import Argument, Option
from descope_async.cli.project_lock import project_lock
from descope_async.cli.reading import Ids
from descope_async.cli.running import carry_out, current
from descope_async.cli.selection import by_ids, ids
from descope_async.cli.streams import say, say_more, write
from descope_async.cli.whole_files import write_file
from descope_async.errors import ConfigurationError
from descope_async.secret_stores._schemes import anchored

from .adoption import entries, labels_for, with_entries
from .applying import Applying, examine
from .changes import Prune, difference
from .lock_file import LockFile
from .manifest import Manifest, manifest_of, read_manifest, text_of
from .plan import Plan
from .under_way import UnderWay, under_way

File = Annotated[Path, Argument(metavar="MANIFEST", help="The manifest.", dir_okay=False)]
DEFAULT = Path("keys.yaml")
Pruning = Annotated[
    Prune,
    Option(
        "--prune",
        help="Deactivate keys that the manifest does not describe: none, those that were removed from it, or all.",
    ),
]


def plan(
    file: File = DEFAULT,
    to: To = None,
    prune: Pruning = Prune.NONE,
    save: Annotated[
        Path | None,
        Option("--output", "-o", help="Save the plan to apply it later.", dir_okay=False),
    ] = None,
    as_json: AsJson = False,
    exit_code: Annotated[
        bool,
        Option("--exit-code", help=f"Leave with {ExitCode.FOUND} if anything is to change."),
    ] = False,
) -> None:
    """``descope-keys plan``."""

    async def work() -> ExitCode:
        found = await _looked(file, to, prune)
        if save is not None:
            write_file(save, found.as_json() + "\n")
            again = ["apply", str(file), "--plan", str(save)]
            again += [word for sink in to or () for word in ("--to", sink)]
            again += ["--prune", prune.value] if prune is not Prune.NONE else []
            say(f"the plan is in {save}: descope-keys {shlex.join(again)}")
        write((found.as_json() if as_json else found.as_text()) + "\n")
        return ExitCode.FOUND if exit_code and not found.is_met else ExitCode.DONE

    carry_out(work)


def drift(file: File = DEFAULT, prune: Pruning = Prune.NONE, as_json: AsJson = False) -> None:
    """``descope-keys drift``."""

    async def work() -> ExitCode:
        found = await _looked(file, None, prune)
        write((found.as_json() if as_json else found.as_text()) + "\n")
        return ExitCode.DONE if found.is_met else ExitCode.FOUND

    carry_out(work)


def apply(
    file: File = DEFAULT,
    saved: Annotated[
        Path | None,
        Option("--plan", help="Apply this saved plan, or nothing.", dir_okay=False),
    ] = None,
    to: To = None,
    prune: Pruning = Prune.NONE,
    rate: Rate = "auto",
    yes: Yes = False,
    dry_run: DryRun = False,
    max_changes: MaxChanges = DEFAULT_MAX,
    as_json: AsJson = False,
) -> None:
    """``descope-keys apply``."""
    pace = bulk.rate_of(rate)

    async def work() -> ExitCode:
        run, manifest = current(), read_manifest(file)
        async with run.client() as client:
            with project_lock(client.project_id, "apply"):
                found, lock, busy = await _planned(client, manifest, to, prune)
                if saved is not None:
                    found.check_saved(saved)
                say(run.where(client))
                say_more(found.as_text())
                if found.makes_secrets:
                    bulk.demand_sink(list(found.sinks))
                if dry_run:
                    await examine(client, found)
                    return ExitCode.DONE
                at_best = ExitCode.PARTIAL if found.difference.unfinished else ExitCode.DONE
                if not (found.changes or found.difference.forgotten or busy.learned):
                    return at_best
                consent(
                    client,
                    len(found.changes),
                    yes=yes or saved is not None,
                    max_changes=max_changes,
                )
                applying = Applying(client, lock, pace)
                try:
                    return await applying.carry_out(found, busy) or at_best
                finally:
                    _report(applying.keys, as_json=as_json)

    carry_out(work)


def import_keys(
    key_ids: Ids,
    file: Annotated[
        Path, Option("--manifest", "-m", help="The manifest.", dir_okay=False)
    ] = DEFAULT,
    label: Annotated[
        str | None, Option(help="What to call the key; made of its name without this.")
    ] = None,
    dry_run: DryRun = False,
) -> None:
    """``descope-keys import``."""
    if label is not None and len(key_ids) != 1:
        raise click.BadParameter("--label is for one key")

    async def work() -> None:
        wanted = ids(key_ids)
        if not wanted:
            return
        async with current().client() as client:
            with project_lock(client.project_id, "import"):
                text = text_of(file) if file.exists() else ""
                manifest = manifest_of(file, text or "keys:")
                _check_project(manifest, client)
                lock = LockFile.beside(file, client.project_id)
                found = labels_for(await by_ids(client, wanted), manifest, lock, label)
                new = {name: key for name, key in found.items() if name not in manifest.keys}
                _adopt(manifest, text, new, dry_run=dry_run)
                if not dry_run:
                    lock.set({name: key.id for name, key in found.items()})
        write("".join(f"{key.id}\t{name}\n" for name, key in found.items()))

    carry_out(work)


async def _looked(file: Path, to: list[str] | None, prune: Prune) -> Plan:
    manifest = read_manifest(file)
    async with current().client() as client:
        found, _, _ = await _planned(client, manifest, to, prune)
        say(current().where(client))
    return found


async def _planned(
    client: descope_async.DescopeClient, manifest: Manifest, to: list[str] | None, prune: Prune
) -> tuple[Plan, LockFile, UnderWay]:
    _check_project(manifest, client)
    lock = LockFile.beside(manifest.path, client.project_id)
    busy = under_way(lock)
    keys = await client.mgmt.access_key.search_all_access_keys()
    known = evolve(lock, keys={**lock.keys, **busy.learned})
    folder = manifest.path.parent
    sinks = tuple(to) if to else tuple(anchored(each, folder) for each in manifest.sinks)
    found = Plan(
        client.project_id,
        client.base_url,
        sinks,
        manifest.grace,
        manifest.delete_after,
        prune,
        difference(manifest, known, keys, busy, prune),
    )
    return found, lock, busy


def _check_project(manifest: Manifest, client: descope_async.DescopeClient) -> None:
    if manifest.project and manifest.project != client.project_id:
        raise ConfigurationError(
            f"{manifest.path} is for the project {manifest.project}, and this is {client.project_id or 'none'}"
        )


def _adopt(manifest: Manifest, text: str, keys: dict[str, Any], *, dry_run: bool) -> None:
    """Write keys into the manifest.

    Raises:
        ConfigurationError: They cannot be added at its end, or it cannot be written.
    """
    if not keys:
        return
    added = with_entries(manifest, text, keys)
    if added is None:
        raise ConfigurationError(
            f"{manifest.path} has no place at its end for more keys. Put this under 'keys:', and import again "
            f"with its label:\n{entries(keys)}"
        )
    if dry_run:
        say_more(entries(keys).rstrip("\n"))
        return
    write_file(manifest.path, added)


def _report(keys: list[dict[str, Any]], *, as_json: bool) -> None:
    write(output.document("apply", keys=keys) + "\n" if as_json else bulk.lines_of(keys))
