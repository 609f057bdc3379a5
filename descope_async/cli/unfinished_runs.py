"""The commands about runs that are not finished: ``resume``, ``journal``, ``rescue`` and ``verify``."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import Annotated, Any

import click
from attrs import evolve

from descope_async import DescopeClient
from descope_async.errors import DescopeError

from . import bulk, completion, moments, output
from .bulk import AsJson, IdsOnly, Rate
from .exit_codes import ExitCode, exit_code_of
from .parameters import Argument, Option, wrong_value
from .project_lock import project_lock
from .run_folders import RunFolder, open_runs
from .running import carry_out, current
from .streams import say, say_more, write

RunName = Annotated[
    str | None,
    Argument(
        metavar="RUN",
        help="A run's name or folder; all without one.",
        complete=completion.run_names,
    ),
]


def resume(
    name: RunName = None,
    rate: Rate = "auto",
    confirm: Annotated[
        list[str] | None,
        Option(
            help="Say that the secret of this key works, which cannot be proved from here; may be repeated.",
            metavar="ID",
        ),
    ] = None,
    give_up: Annotated[
        list[str] | None,
        Option(
            help="Give up this key, by its label or id, for which nothing could be made; may be repeated.",
            metavar="LABEL",
        ),
    ] = None,
    settle_after: Annotated[
        str,
        Option(
            help="How long the service may still carry out a request that went without an answer.",
            metavar="TIME",
        ),
    ] = "60s",
    takeover: Annotated[
        bool,
        Option("--takeover", help="Go on although another machine had the journal open."),
    ] = False,
    as_json: AsJson = False,
    ids_only: IdsOnly = False,
) -> None:
    """``descope-keys resume``."""
    from descope_async.batch._timing import settle_time  # pyright: ignore[reportPrivateUsage] - a part of this package

    todo, pace = _work(confirm, give_up), bulk.rate_of(rate)
    with wrong_value():
        settled = settle_time("--settle-after", moments.seconds(settle_after))

    async def work() -> ExitCode:
        worst = ExitCode.DONE
        async with current().client() as client, AsyncExitStack() as held:
            held.enter_context(project_lock(client.project_id, "resume"))
            if name is None:
                folders = [each for each in open_runs() if each.project == client.project_id]
            else:
                folders = [RunFolder.open(name)]
            if not folders:
                say(f"no run of {current().where(client)} is open")
            for folder in folders:
                code = await _gone_on(
                    client,
                    folder,
                    todo,
                    is_named=name is not None,
                    as_json=as_json,
                    ids_only=ids_only,
                    rate=pace,
                    settle_after=settled,
                    takeover=takeover,
                )
                worst = max(worst, code)
                if code in (ExitCode.INTERRUPTED, ExitCode.TERMINATED):
                    break
        return worst

    carry_out(work)


async def _gone_on(
    client: DescopeClient, folder: RunFolder, todo: bulk.Work, *, is_named: bool, **options: Any
) -> ExitCode:
    """Go on with a run, which must not hold up others unless it is the one that was named."""
    if folder.is_abandoned:
        return _forget(folder)
    if not is_named and not folder.journal.exists():
        return ExitCode.DONE  # another process is about to begin it
    try:
        return await bulk.carry(client, folder, todo, **options)
    except DescopeError as error:
        if _never_began(error):
            return _forget(folder)
        if is_named:
            raise
        say(f"{folder.name}: {error}")
        return exit_code_of(error)


def _never_began(error: DescopeError) -> bool:
    from descope_async.batch import JournalUnbegun

    return isinstance(error, JournalUnbegun)


def _forget(folder: RunFolder) -> ExitCode:
    """Remove a run of which nothing was done, and the exit code for that."""
    folder.remove()
    say(f"{folder.name} was ended before its first call: nothing was done, so start it again")
    return ExitCode.FAILED


def _work(confirm: list[str] | None, give_up: list[str] | None) -> bulk.Work:
    if confirm and give_up:
        raise click.BadParameter("--confirm and --give-up are for two runs of this command")
    if give_up:
        return lambda batch: batch.give_up(give_up)
    return lambda batch: batch.confirm(confirm) if confirm else batch.resume()


def journal(
    name: RunName = None,
    as_json: AsJson = False,
) -> None:
    """``descope-keys journal``."""

    async def work() -> None:
        if name is None:
            runs = list(open_runs())
            if as_json:
                described = [
                    {
                        "name": each.name,
                        "operation": each.operation,
                        "project": each.project,
                        "sinks": list(each.sinks),
                    }
                    for each in runs
                ]
                write(output.document("runs", runs=described) + "\n")
                return
            if not runs:
                say("no run is open")
            rows = ("\t".join((each.name, each.operation, *each.sinks)) for each in runs)
            write("".join(f"{row}\n" for row in rows))
            return
        from descope_async.batch import read_journal

        outcomes = [each.to_dict() for each in read_journal(RunFolder.open(name).journal)]
        if as_json:
            write(output.document("journal", keys=outcomes) + "\n")
            return
        for key in outcomes:
            write(bulk.lines_of([key]))
            if key.get("problem"):
                say_more(f"  {output.printable(key['problem'])}")

    carry_out(work)


def rescue(
    name: Annotated[
        str,
        Argument(metavar="RUN", help="A run's name or folder.", complete=completion.run_names),
    ],
    to: Annotated[
        list[str] | None,
        Option("--to", help="Other sinks than those that failed.", metavar="SINK"),
    ] = None,
) -> None:
    """``descope-keys rescue``."""

    async def work() -> ExitCode:
        found = RunFolder.open(name)
        folder = evolve(found, sinks=tuple(to or found.sinks))
        async with current().client() as client:
            return await bulk.carry(client, folder, lambda batch: batch.resume())

    carry_out(work)


def verify(
    places: Annotated[
        list[str],
        Argument(metavar="PLACE", help="Where a secret is, such as file:keys/K2abc.json."),
    ],
) -> None:
    """``descope-keys verify``."""
    from descope_async.secret_stores import read_secret

    async def work() -> ExitCode:
        failed = 0
        async with current().client() as client:
            for place in places:
                try:
                    session = await client.exchange_access_key(read_secret(place))
                except DescopeError as error:
                    failed += 1
                    write(f"{place}\tfailed\t{output.printable(str(error))}\n")
                else:
                    write(f"{place}\tworks\t{session.key_id}\n")
        return ExitCode.FAILED if failed else ExitCode.DONE

    carry_out(work)
