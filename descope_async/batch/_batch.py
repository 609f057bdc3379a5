"""`Batch`: one operation on thousands of access keys, without losing a secret."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Literal, cast

from descope_async import _arguments as arguments
from descope_async._files.paths import canonical, file_path
from descope_async._values.numbers import is_within
from descope_async.client import DescopeClient
from descope_async.errors import InvalidArgument
from descope_async.models import AccessKey
from descope_async.secret_stores import SecretStore, open_store

from ._conduct import Conduct, Settings
from ._items import Item, KeyChange, NewKey, existing_key, key_change, new_key, replaced_key
from ._progress import Progress
from ._report import BatchReport, draft_of
from ._rescue import Rescue
from ._run import StoredKey
from ._timing import pace, settle_time, spans

_MOST_WORKERS: Final = 100
_READERS: Final = {"create": new_key, "rotate": existing_key, "replace": replaced_key}

#: A key that exists: its id, the key itself, or a mapping with its ``id`` and a ``label``.
KeyReference = str | AccessKey | Mapping[str, str]
#: The same, where the mapping may hold a ``successor`` too: a `NewKey`, or a mapping of its fields.
ReplacedKey = str | AccessKey | Mapping[str, Any]


class Batch:
    """One run over many keys, with a journal that lets it go on after any interruption.

    Call one of its methods. If the process is interrupted or killed, make the same call again with
    the same journal, or call `resume`: no key is created twice, and no secret is lost.

    Every method returns a report when it has done what can be done now; single keys may have
    failed. It raises InvalidArgument, SecretStoreError, JournalError or ConfigurationError before
    the first change, or the error of a service that cannot be asked for the management key's
    rights, and BatchStopped when it ends early.

    Args:
        client: The project.
        journal: A file to note in what is to be done and what was done, and never a secret. One
            run has one journal.
        sinks: Where secrets go, all of them in each: such as ``"file:/etc/keys/{id}.json"``, or a
            `SecretStore` of one's own. Needed where secrets are made.
        concurrency: How many keys are worked on at the same time.
        rate: Calls per second; None for no limit; ``"auto"`` to begin with 1.5 and follow the
            service's rate limits.
        canary: How many keys are done, and their secrets proved, before the rest begins.
        prove: Whether every secret is read back from its sinks and exchanged.
        progress: Called now and then with how far the run has come.
        after_stored: Called for each key whose secret is stored, to reload a service for example;
            on a worker thread, unless it is a coroutine function. It may be called again for the
            same key after an interruption.
        report: The file for a line about each key; None for the journal's name with
            ``.report.jsonl`` at its end. A device such as ``/dev/null`` is written to.
        rescue_recipient: A recipient of age (``age1…``), for whom secrets are sealed that no sink
            takes; None to keep them readable in ``<journal>.rescue``.
        settle_after: Seconds after which the service does not carry out a request any more that
            went without an answer.
        takeover: Whether to go on with a journal that a process on another machine had open, and
            that is surely gone.
        handle_signals: Whether Ctrl-C, SIGTERM and SIGHUP end a run in good order, where it runs on
            the main thread: no new call, what is under way is stored. A second one waits for
            nothing else; a third ends the process. SIGHUP counts only as the first.

    Raises:
        InvalidArgument: An argument cannot be right.
        ConfigurationError: A sink does not exist, or needs a library that is not installed.
    """

    def __init__(
        self,
        client: DescopeClient,
        journal: str | Path,
        sinks: str | SecretStore | Sequence[str | SecretStore] = (),
        *,
        concurrency: int = 4,
        rate: float | Literal["auto"] | None = "auto",
        canary: int = 0,
        prove: bool = False,
        progress: Callable[[Progress], object] | None = None,
        after_stored: Callable[[StoredKey], object] | None = None,
        report: str | Path | None = None,
        rescue_recipient: str | None = None,
        settle_after: float = 60.0,
        takeover: bool = False,
        handle_signals: bool = True,
    ) -> None:
        if not isinstance(client, DescopeClient):
            raise InvalidArgument(f"client must be a DescopeClient, not {type(client).__name__}")
        path = file_path("journal", journal)
        written = file_path("report", f"{path}.report.jsonl" if report is None else report)
        if canonical(path) in {canonical(written), canonical(draft_of(written))}:
            raise InvalidArgument("journal and report must be two files")
        self._conduct = Conduct(
            client,
            path,
            _stores(sinks),
            Rescue(path, rescue_recipient),
            Settings(
                concurrency=_whole("concurrency", concurrency, 1, _MOST_WORKERS),
                rate=pace("rate", rate),
                canary=_whole("canary", canary, 0, 2**31),
                prove=prove,
                progress=progress,
                after_stored=after_stored,
                report=written,
                settle_after=settle_time("settle_after", settle_after),
                takeover=takeover,
                handle_signals=handle_signals,
            ),
        )

    async def create(self, items: Iterable[NewKey | Mapping[str, Any]]) -> BatchReport:
        """Create keys, and store their secrets.

        Args:
            items: The keys: `NewKey` values or mappings of their fields.
        """
        return await self._conduct.run("create", _numbered(new_key, items), needs_sink=True)

    async def update(self, items: Iterable[KeyChange | Mapping[str, Any]]) -> BatchReport:
        """Change keys.

        Args:
            items: The changes: `KeyChange` values or mappings of their fields.
        """
        return await self._conduct.run("update", _numbered(key_change, items))

    async def rotate(
        self,
        keys: Iterable[KeyReference],
        *,
        grace: float | None = None,
        delete_after: float | None = 604_800,
    ) -> BatchReport:
        """Give keys new secrets; their expiry stays.

        Without a grace period, the old secrets are dead at once, and the keys stay the same. With
        one, each key gets a successor, which is proved by an exchange; the old key is deactivated
        when the grace period is over, and deleted later. Call `resume` now and then, from cron, to
        take these steps when they are due.

        Args:
            keys: The keys: ids, or what a search returned.
            grace: Seconds for which the old key goes on to work; None to rotate in place.
            delete_after: Seconds from its deactivation to its deletion; None to keep it.
        """
        planned = _numbered(existing_key, keys)
        if grace is None:
            return await self._conduct.run("rotate", planned, needs_sink=True)
        options = spans(grace, delete_after)
        return await self._conduct.run("rotate-overlap", planned, options, needs_sink=True)

    async def replace(
        self,
        keys: Iterable[ReplacedKey],
        expire_time: int | datetime | None = None,
        *,
        grace: float = 86_400,
        delete_after: float | None = 604_800,
    ) -> BatchReport:
        """Give keys successors with another expiry, and retire the old ones after a while.

        A key's expiry cannot be changed, and a rotation keeps it: so this is what a key needs that
        expires soon. The steps are those of `rotate` with a grace period.

        Args:
            keys: The keys: ids, or what a search returned. A mapping of an ``id`` and a
                ``successor`` says what the new key is like; else it is like the old one.
            expire_time: When successors expire that are like their old keys: epoch seconds or an
                aware datetime; 0 for never. None where each key has its ``successor``.
            grace: Seconds for which an old key goes on to work.
            delete_after: Seconds from its deactivation to its deletion; None to keep it.
        """
        options: dict[str, Any] = spans(grace, delete_after)
        if expire_time is not None:
            options["expire_time"] = arguments.expiry("expire_time", expire_time)

        def read(number: int, given: object) -> Item:
            item = replaced_key(number, given)
            if expire_time is None and not item.fields:
                raise InvalidArgument(
                    f"keys[{number}] has no successor, so expire_time must say when its twin expires"
                )
            return item

        return await self._conduct.run("replace", _numbered(read, keys), options, needs_sink=True)

    async def activate(self, keys: Iterable[KeyReference]) -> BatchReport:
        """Let deactivated keys work again, a hundred with each call.

        Args:
            keys: The keys: ids, or what a search returned.
        """
        return await self._conduct.run("activate", _numbered(existing_key, keys))

    async def deactivate(self, keys: Iterable[KeyReference]) -> BatchReport:
        """Stop keys from working, a hundred with each call.

        Args:
            keys: The keys: ids, or what a search returned.
        """
        return await self._conduct.run("deactivate", _numbered(existing_key, keys))

    async def delete(self, keys: Iterable[KeyReference]) -> BatchReport:
        """Delete keys for good, a hundred with each call.

        Args:
            keys: The keys: ids, or what a search returned.
        """
        return await self._conduct.run("delete", _numbered(existing_key, keys))

    async def examine(
        self,
        operation: Literal["create", "rotate", "replace"],
        items: Iterable[NewKey | KeyReference],
    ) -> None:
        """Find out whether the sinks can keep the secrets of a run, before it is begun.

        A run does so itself before its first call. Here nothing is sent to Descope, no journal is
        written, and sinks store at most a probe, which they remove.

        Args:
            operation: What is to be done.
            items: The keys, as for that operation.

        Raises:
            InvalidArgument: A key or the operation cannot be right, or two keys would share a place.
            SecretStoreError: A sink cannot keep secrets, or has something where a new key would go.
            ConfigurationError: There is no sink.
        """
        if operation not in tuple(_READERS):  # it may be what has no hash
            raise InvalidArgument(f"operation must be one of {', '.join(_READERS)}")
        numbered = _numbered(_READERS[operation], items)
        await self._conduct.examine(numbered(), is_new=operation == "create")

    async def resume(self) -> BatchReport:
        """Go on with what the journal says: after an interruption, or with steps that are due."""
        return await self._conduct.resume()

    async def confirm(self, keys: Iterable[str]) -> BatchReport:
        """Say that secrets which could not be proved from here do work, and go on.

        Args:
            keys: Ids or labels of keys that the report calls ``"stored, unproven"``.
        """
        return await self._conduct.resume(confirmed=frozenset(arguments.labels("keys", keys)))

    async def give_up(self, keys: Iterable[str]) -> BatchReport:
        """Give up keys that failed or were not begun, and go on with the others.

        Keys that were made, or may have been, are not given up.

        Args:
            keys: Ids or labels of keys that the report calls ``"failed"`` or ``"not done"``.
        """
        return await self._conduct.resume(given_up=frozenset(arguments.labels("keys", keys)))


def _numbered(read: Callable[[int, object], Item], given: object) -> Callable[[], Iterable[Item]]:
    kind = type(given).__name__
    if isinstance(given, str | bytes | Mapping) or not isinstance(given, Iterable):
        raise InvalidArgument(f"pass a list of keys, not a single {kind}")
    listed = cast("Iterable[object]", given)
    return lambda: (read(number, item) for number, item in enumerate(listed))


def _stores(given: str | SecretStore | Sequence[str | SecretStore]) -> list[SecretStore]:
    listed = given if isinstance(given, Sequence) and not isinstance(given, str) else [given]
    return [open_store(each) if isinstance(each, str) else each for each in listed]


def _whole(parameter: str, value: object, least: int, most: int) -> int:
    if not is_within(value, least, most) or not isinstance(value, int):
        raise InvalidArgument(f"{parameter} must be a whole number from {least} to {most}")
    return value
