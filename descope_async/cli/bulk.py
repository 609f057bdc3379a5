"""Changes to keys by `descope_async.batch`: how they begin, go on, and are reported."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

import descope_async
from descope_async.errors import ConfigurationError

from . import output
from .exit_codes import ExitCode
from .progress import ProgressLine
from .running import say
from .runs import RunFolder

if TYPE_CHECKING:
    from descope_async.batch import Batch, BatchReport, BatchStopped

To = Annotated[
    list[str] | None,
    typer.Option(
        "--to",
        help="Where secrets go, such as file:keys/{id}.json; may be repeated.",
        metavar="SINK",
    ),
]
Rate = Annotated[str, typer.Option(help="Calls per second, auto or none.", metavar="NUMBER")]
AsJson = Annotated[bool, typer.Option("--json", help="Write one JSON document.")]
IdsOnly = Annotated[bool, typer.Option("--quiet", "-q", help="Write ids only, one a line.")]

_OUTCOMES_SHOWN: Final = 20


def rate_of(text: str) -> Any:
    """The rate that an option gives."""
    if text in {"auto", "none"}:
        return None if text == "none" else "auto"
    try:
        return float(text)
    except ValueError:
        raise typer.BadParameter(f"the rate is auto, none or a number, not {text!r}") from None


def demand_sink(to: list[str] | None) -> None:
    """Refuse a command that makes secrets and is not told where they go.

    Raises:
        ConfigurationError: There is no sink.
    """
    if not to:
        raise ConfigurationError(
            "say where the secrets go: --to 'file:keys/{id}.json'; see descope-keys rotate --help"
        )


async def carry(
    client: descope_async.DescopeClient,
    folder: RunFolder,
    work: Callable[[Batch], Awaitable[BatchReport]],
    *,
    as_json: bool = False,
    ids_only: bool = False,
    **options: Any,
) -> ExitCode:
    """Carry out a run, and say what became of it.

    Args:
        client: The project.
        folder: The run's folder, which is removed when all is done.
        work: What to do with the batch.
        as_json: Whether to write one JSON document.
        ids_only: Whether to write ids only.
        options: More options for the batch.
    """
    from descope_async.batch import Batch, BatchStopped

    # A batch ends in good order by itself, so nothing else may answer the signal.
    with suppress(NotImplementedError):  # Windows has no such handler
        asyncio.get_running_loop().remove_signal_handler(signal.SIGTERM)
    with ProgressLine() as line:
        batch = Batch(client, folder.journal, folder.sinks, progress=line.show, **options)
        try:
            report, code = await work(batch), ExitCode.DONE
        except BatchStopped as error:
            report, code = error.report, _code_of(folder, error)
            say(str(error))
        except BaseException:
            if not folder.journal.exists():  # the run never began
                folder.remove()
            raise
    _write(report, as_json=as_json, ids_only=ids_only)
    for key in report.failures[:_OUTCOMES_SHOWN]:
        said = key.problem or key.outcome
        typer.echo(f"  {output.printable(key.label)}: {output.printable(said)}", err=True)
    if report.is_complete:
        folder.remove()
        return code
    if code is ExitCode.DONE:
        code = _judged(report)
    say(f"{_counts(report)}; go on with: descope-keys resume {folder.name}")
    return code


def _code_of(folder: RunFolder, error: BatchStopped) -> ExitCode:
    from descope_async.batch import BatchInterrupted

    if folder.holds_rescued_secrets:
        return ExitCode.SINK
    if isinstance(error, BatchInterrupted):
        is_terminated = signal.Signals.SIGTERM.name in str(error)
        return ExitCode.TERMINATED if is_terminated else ExitCode.INTERRUPTED
    return ExitCode.PARTIAL


def _judged(report: BatchReport) -> ExitCode:
    if report.unknown:
        return ExitCode.UNKNOWN
    if report.failed or report.left:
        return ExitCode.PARTIAL
    return ExitCode.DONE  # the rest comes when it is due


def _counts(report: BatchReport) -> str:
    return str(report).partition(" (see ")[0]


def _write(report: BatchReport, *, as_json: bool, ids_only: bool) -> None:
    """Write a line for each key to stdout: id, name, outcome, where its secret is."""
    with report.path.open(encoding="utf-8") as file:
        if as_json:
            keys = [json.loads(line) for line in file]
            typer.echo(output.document("batch_report", operation=report.operation, keys=keys))
            return
        for line in file:
            key = json.loads(line)
            if ids_only:
                sys.stdout.write(f"{key.get('key_id', '')}\n")
                continue
            places = " ".join(key.get("references", ()))
            row = (key.get("key_id", ""), key["label"], key["outcome"], places)
            sys.stdout.write("\t".join(map(output.printable, row)).rstrip("\t") + "\n")
