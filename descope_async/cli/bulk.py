"""Changes to keys by `descope_async.batch`: how they begin, go on, and are reported."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import click

import descope_async
from descope_async._runtime.end_signals import end_signals
from descope_async.errors import ConfigurationError
from descope_async.secret_stores import open_store

from . import output
from .exit_codes import ExitCode
from .manifest.lock_file import LockFile
from .parameters import Option, wrong_value
from .progress import ProgressLine
from .run_folders import RunFolder
from .streams import say, say_more, write

if TYPE_CHECKING:
    from descope_async.batch import Batch, BatchReport, BatchStopped

#: What to do with a batch.
Work = Callable[["Batch"], Awaitable["BatchReport"]]

To = Annotated[
    list[str] | None,
    Option(
        "--to",
        help="Where secrets go, such as file:keys/{id}.json; may be repeated.",
        metavar="SINK",
    ),
]
Rate = Annotated[str, Option(help="Calls per second, auto or none.", metavar="NUMBER")]
AsJson = Annotated[bool, Option("--json", help="Write one JSON document.")]
IdsOnly = Annotated[bool, Option("--quiet", "-q", help="Write ids only, one a line.")]

_OUTCOMES_SHOWN: Final = 20


def rate_of(text: str) -> Any:
    """The rate that an option gives, as `Batch` takes it."""
    from descope_async.batch._timing import pace  # pyright: ignore[reportPrivateUsage] - a part of this package

    if text in {"auto", "none"}:
        return None if text == "none" else "auto"
    try:
        rate = float(text)
    except ValueError:
        raise click.BadParameter(f"the rate is auto, none or a number, not {text!r}") from None
    with wrong_value():
        return pace("--rate", rate)


def demand_sink(to: list[str] | None) -> None:
    """Refuse a command that makes secrets and is not told where they go, or to what is no sink.

    Raises:
        ConfigurationError: There is no sink, or one does not exist.
    """
    if not to:
        raise ConfigurationError(
            "say where the secrets go, such as --to 'file:keys/{id}.json'; a manifest says it by sinks"
        )
    for each in to:
        open_store(each)


async def examine(
    client: descope_async.DescopeClient,
    operation: Literal["create", "rotate", "replace"],
    keys: Sequence[Any],
    to: Sequence[str],
) -> None:
    """Refuse in a dry run what the run itself would refuse because of its sinks.

    Raises:
        InvalidArgument: Two keys would share a place.
        SecretStoreError: A sink cannot keep secrets.
        ConfigurationError: There is no such sink.
    """
    from descope_async.batch import Batch

    await Batch(client, "journal", to).examine(operation, keys)  # which writes none


async def carry(
    client: descope_async.DescopeClient,
    folder: RunFolder,
    work: Work,
    *,
    as_json: bool = False,
    ids_only: bool = False,
    collected: list[dict[str, Any]] | None = None,
    go_on: str = "",
    **options: Any,
) -> ExitCode:
    """Carry out a run, and say what became of it.

    Where it carries out a manifest, the lock file learns of new keys before the run's folder may go.

    Args:
        client: The project.
        folder: The run's folder, which is removed when all is done.
        work: What to do with the batch.
        as_json: Whether to write one JSON document.
        ids_only: Whether to write ids only.
        collected: Gets a JSON object for each key instead of stdout; None for stdout.
        go_on: The command that goes on with what is left; empty for ``resume``.
        options: More options for the batch.
    """
    report, code, why = await _carried(client, folder, work, options)
    keys, is_written = _keys_of(report), True
    if folder.lock_file:
        LockFile.open(Path(folder.lock_file), folder.project).set(
            {each["label"]: each["key_id"] for each in keys if each.get("key_id")}
        )
    if collected is None:
        is_written = _written(report, keys, as_json=as_json, ids_only=ids_only)
    else:
        collected += keys
    for key in report.failures[:_OUTCOMES_SHOWN]:
        said = key.problem or key.outcome
        if said not in why:  # it is said already
            say_more(f"  {output.printable(key.label)}: {output.on_one_line(said)}")
    if is_written and report.is_complete and report.path.exists():
        folder.remove()
        return code
    if folder.holds_rescued_secrets:
        say(f"mend the sink, or name another: descope-keys rescue {folder.name} --to SINK")
    say(f"{_counts(report)}; go on with: {go_on or f'descope-keys resume {folder.name}'}")
    return code


async def _carried(
    client: descope_async.DescopeClient, folder: RunFolder, work: Work, options: Mapping[str, Any]
) -> tuple[BatchReport, ExitCode, str]:
    """The report of a run, its exit code, and why it ended early; empty where it did not."""
    from descope_async.batch import Batch, BatchStopped

    # A batch ends in good order by itself, so nothing else may answer these signals.
    with suppress(NotImplementedError):  # Windows has no such handler
        for number in end_signals():
            asyncio.get_running_loop().remove_signal_handler(number)
    with ProgressLine() as line:
        try:
            batch = Batch(client, folder.journal, folder.sinks, progress=line.show, **options)
            report, why = await work(batch), ""
            code = ExitCode.DONE if report.is_complete else _judged(report)
        except BatchStopped as error:
            report, code = error.report, _code_of(folder, error)
            why = str(error).removesuffix(f" {report}")
            say(output.on_one_line(why))
        except BaseException:
            folder.discard()
            raise
        finally:
            folder.release()
    return report, code, why


def _code_of(folder: RunFolder, error: BatchStopped) -> ExitCode:
    from descope_async.batch import BatchInterrupted

    if folder.holds_rescued_secrets:
        return ExitCode.SINK
    if isinstance(error, BatchInterrupted):
        is_interrupted = signal.Signals.SIGINT.name in str(error)
        return ExitCode.INTERRUPTED if is_interrupted else ExitCode.TERMINATED
    return ExitCode.PARTIAL


def _judged(report: BatchReport) -> ExitCode:
    if report.unknown:
        return ExitCode.UNKNOWN
    if report.failed or report.left:
        return ExitCode.PARTIAL
    return ExitCode.DONE  # the rest comes when it is due


def _counts(report: BatchReport) -> str:
    return str(report).partition(" (see ")[0]


def _keys_of(report: BatchReport) -> list[dict[str, Any]]:
    """What the report's file says about each key; nothing after an end in a hurry."""
    try:
        with report.path.open(encoding="utf-8") as file:
            return [json.loads(line) for line in file]
    except FileNotFoundError:
        return []


def _written(
    report: BatchReport, keys: Sequence[Mapping[str, Any]], *, as_json: bool, ids_only: bool
) -> bool:
    """Write what became of the keys to stdout. Whether nobody misses a part of it."""
    if as_json:
        text = output.document("batch_report", operation=report.operation, keys=keys) + "\n"
    elif ids_only:
        text = "".join(f"{key.get('key_id', '')}\n" for key in keys)
    else:
        text = lines_of(keys)
    return write(text)


def lines_of(keys: Iterable[Mapping[str, Any]]) -> str:
    """What became of keys, one a line: id, label, outcome, where its secret is."""
    return "".join(map(_line, keys))


def _line(key: Mapping[str, Any]) -> str:
    places = " ".join(key.get("references", ()))
    row = (key.get("key_id", ""), key["label"], key["outcome"], places)
    return "\t".join(map(output.printable, row)).rstrip("\t") + "\n"
