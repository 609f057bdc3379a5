"""The commands about runs that are not finished: ``resume``, ``journal``, ``rescue`` and ``verify``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from typing import Annotated

import click
from attrs import evolve

from descope_async.errors import DescopeError

from . import bulk, completion, moments, output
from .bulk import AsJson, IdsOnly, Rate
from .exit_codes import ExitCode, exit_code_of
from .parameters import Argument, Option, wrong_value
from .project_lock import project_lock
from .running import carry_out, current
from .runs import RunFolder, open_runs
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
            folders = list(_begun(folders, is_named=name is not None))
            if not folders:
                say(f"no run of {current().where(client)} is open")
            for folder in folders:
                try:
                    code = await bulk.carry(
                        client,
                        folder,
                        todo,
                        as_json=as_json,
                        ids_only=ids_only,
                        rate=pace,
                        settle_after=settled,
                        takeover=takeover,
                    )
                except DescopeError as error:
                    if _never_began(error):
                        _forget(folder)
                        continue
                    if name is not None:
                        raise
                    # One run that cannot go on must not hold up the others.
                    say(f"{folder.name}: {error}")
                    code = exit_code_of(error)
                worst = max(worst, code)
                if code in (ExitCode.INTERRUPTED, ExitCode.TERMINATED):
                    break
        return worst

    carry_out(work)


def _begun(folders: Sequence[RunFolder], *, is_named: bool) -> Iterator[RunFolder]:
    """The runs without those that were ended before they began, which are removed."""
    for folder in folders:
        if folder.is_abandoned:
            _forget(folder)
        elif is_named or folder.journal.exists():  # else another process is about to begin it
            yield folder


def _never_began(error: DescopeError) -> bool:
    from descope_async.batch import JournalUnbegun

    return isinstance(error, JournalUnbegun)


def _forget(folder: RunFolder) -> None:
    folder.remove()
    say(f"{folder.name} was ended before its first call or after its last, and is removed")


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
