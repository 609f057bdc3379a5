"""The steps of a run in order: plan, preflight, canary, the other keys, unknown outcomes, report."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

import anyio.to_thread
from attrs import frozen

from descope_async.client import DescopeClient
from descope_async.errors import ConfigurationError, DescopeError
from descope_async.secret_stores import SecretStore

from ._errors import JournalUnbegun
from ._finishing import Finishing
from ._items import Item
from ._journal import Journal
from ._journal_lines import require
from ._ledger import State
from ._making import Making
from ._pace import Pace
from ._planning import Planning
from ._progress import Progress, ProgressTeller
from ._rate_limits import following
from ._recovery import Recovery
from ._replacing import Replacing
from ._report import BatchReport, draft_of, remove_report, summary, write_report
from ._rescue import Rescue
from ._run import Run, StoredKey
from ._settling import Settling
from ._signals import handling_signals
from ._statuses import SWITCHES, Switching
from ._stop import RunStopped, Stop
from ._stop_errors import BatchInterrupted, BatchStopped
from ._storing import Storing
from ._work import Creating, Rotating, Updating, Work
from ._workers import Workers

#: States that a worker can take on: not what is unknown, and not what is done.
_OPEN: Final = (
    State.PLANNED,
    State.FAILED,
    State.MADE,
    State.RESCUED,
    State.STORED,
    State.UNPROVEN,
    State.PROVED,
    State.WAITING,
    State.RETIRED,
)
#: States in which a canary has done its part.
_PROVED: Final = (State.DONE, State.WAITING, State.RETIRED)


@frozen(kw_only=True)
class Settings:
    """How a run is carried out; `Batch` says what each means."""

    concurrency: int
    rate: float | str | None
    canary: int
    prove: bool
    progress: Callable[[Progress], object] | None
    after_stored: Callable[[StoredKey], object] | None
    report: Path
    settle_after: float
    takeover: bool
    handle_signals: bool


class Conduct:
    """Carries out a run.

    Args:
        client: Makes the calls.
        path: The journal.
        sinks: Where secrets go.
        rescue: Where they go otherwise.
        settings: How it is carried out.
    """

    def __init__(
        self,
        client: DescopeClient,
        path: Path,
        sinks: Iterable[SecretStore],
        rescue: Rescue,
        settings: Settings,
    ) -> None:
        self._client = client
        self._path = path
        self._sinks = list(sinks)
        self._storing = Storing(
            self._sinks, rescue, (path, settings.report, draft_of(settings.report))
        )
        self._planning = Planning(client, self._storing)
        self._settings = settings
        self._clock = client._config.clock  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] - a part of this package

    async def run(
        self,
        operation: str,
        items: Callable[[], Iterable[Item]],
        options: Mapping[str, Any] | None = None,
        *,
        needs_sink: bool = False,
    ) -> BatchReport:
        """Begin a run, or go on with the one that the journal tells of, if it is the same."""
        if needs_sink:
            self._demand_sink()
        journal = await self._open()
        try:
            about = {
                "project": self._client.project_id,
                "base_url": self._client.base_url,
                "operation": operation,
                "options": dict(options or {}),
            }
            is_resumed = journal.is_begun
            if is_resumed:
                await self._planning.compare(journal, about, items)
            else:
                await self._planning.plan(journal, about, items)
            return await self._carry_on(journal, is_resumed=is_resumed)
        finally:
            journal.close()

    async def resume(
        self,
        *,
        confirmed: frozenset[str] = frozenset(),
        given_up: frozenset[str] = frozenset(),
    ) -> BatchReport:
        """Go on with the run that the journal tells of."""
        require(self._path)
        journal = await self._open()
        try:
            if not journal.is_begun:
                raise JournalUnbegun(
                    self._path,
                    "tells of a run that never began: nothing was called, so start it again",
                )
            await self._planning.take_up(journal)
            _note_chosen(journal, confirmed, "confirmed", State.UNPROVEN)
            _note_chosen(journal, given_up, "given up", State.PLANNED, State.FAILED)
            return await self._carry_on(journal, is_resumed=True)
        finally:
            journal.close()

    async def examine(self, items: Iterable[Item], *, is_new: bool) -> None:
        """Find out whether the sinks can keep the secrets of keys."""
        self._demand_sink()
        await self._planning.examine(items, is_new=is_new)

    def _demand_sink(self) -> None:
        if not self._sinks:
            raise ConfigurationError(
                "sinks is empty: say where the secrets go, such as 'file:/etc/keys/{id}.json'"
            )

    async def _open(self) -> Journal:
        opening = partial(
            Journal.open, self._path, self._clock.now, takeover=self._settings.takeover
        )
        return await anyio.to_thread.run_sync(opening)

    async def _carry_on(self, journal: Journal, *, is_resumed: bool) -> BatchReport:
        settings, stop = self._settings, Stop(self._clock.sleep)
        run = Run(
            client=self._client,
            journal=journal,
            storing=self._storing,
            stop=stop,
            pace=Pace(settings.rate, self._clock.running),
            clock=self._clock,
            settle_after=settings.settle_after,
            after_stored=settings.after_stored,
        )
        teller = ProgressTeller(journal.ledger, self._clock.running, settings.progress, stop)
        with handling_signals(stop, settings.handle_signals):
            try:
                async with following(self._client, run.pace):
                    await self._phases(run, teller, is_resumed=is_resumed)
            except RunStopped:
                pass
            except DescopeError as error:
                stop.ask(str(error))
            teller.tell(always=True)
            report = await self._reported(journal, stop)
        if stop.exit is not None:
            raise stop.exit
        if stop.reason is None:
            return report
        cls = BatchInterrupted if stop.signal is not None else BatchStopped
        stopped = cls(f"{stop.reason}. {report}", report)
        stopped.unsaved = {key_id: each.reveal() for key_id, each in run.unsaved.items()}
        raise stopped

    async def _reported(self, journal: Journal, stop: Stop) -> BatchReport:
        path = self._settings.report
        if not stop.is_hurried:
            try:
                return await anyio.to_thread.run_sync(write_report, journal, path)
            except OSError as error:
                reason = error.strerror or type(error).__name__
                stop.ask(f"the report {path} cannot be written: {reason}")
        remove_report(path)  # that of an earlier end would tell what is no longer so
        return summary(journal, path)

    async def _phases(self, run: Run, teller: ProgressTeller, *, is_resumed: bool) -> None:
        operation = run.journal.header["operation"]
        if operation in SWITCHES:
            await Switching(run, operation, teller.tell).carry_out()
            return
        settings, ledger = self._settings, run.journal.ledger
        making = Making(run, pending=operation in ("rotate-overlap", "replace"))
        recovery = Recovery(run, making)
        work = _work(run, making, recovery)
        workers = Workers(run, settings.concurrency, teller.tell)
        finishing = Finishing(run, pending=making.pending)
        settling = Settling(run, workers, work, making, recovery, finishing)
        if operation == "update":
            # To repeat a change does no harm.
            open_ = [*ledger.numbers(State.INTENT)]
            run.journal.note(*({"k": "undone", "i": number} for number in open_))
        elif is_resumed:
            await settling.adopt()
        # A sink that failed gets the rescued secrets first, before there are more.
        await workers.carry_out(
            list(ledger.numbers(State.RESCUED)),
            work.begin,
            partial(work.go_on, proves=settings.prove),
        )
        run.stop.check()
        if canaries := min(settings.canary, len(ledger)):
            numbers = [each for each in ledger.numbers(*_OPEN) if each < canaries]
            await workers.carry_out(numbers, work.begin, partial(work.go_on, proves=True))
            if not run.stop.is_wanted:
                _check_canaries(run, canaries)
        run.stop.check()
        await workers.carry_out(
            ledger.numbers(*_OPEN), work.begin, partial(work.go_on, proves=settings.prove)
        )
        run.stop.check()
        await settling.settle(proves=settings.prove)


def _work(run: Run, making: Making, recovery: Recovery) -> Work:
    match run.journal.header["operation"]:
        case "create":
            return Creating(run, making, recovery)
        case "rotate":
            return Rotating(run, making, recovery)
        case "update":
            return Updating(run)
        case _:
            options = run.journal.header["options"]
            return Replacing(
                run,
                making,
                recovery,
                expire_time=options.get("expire_time"),
                grace=options["grace"],
                delete_after=options["delete_after"],
            )


def _check_canaries(run: Run, canaries: int) -> None:
    for number in range(canaries):
        state = run.journal.ledger.state(number)
        if state not in _PROVED:
            label = run.item(number).label
            run.stop.ask(
                f"the canary {label!r} is not proved (it is {state.name.lower()}), so the rest "
                "was not begun"
            )


def _note_chosen(journal: Journal, chosen: frozenset[str], kind: str, *states: State) -> None:
    """Journal a line about each key in these states that the caller named."""
    for number in list(journal.ledger.numbers(*states)) if chosen else ():
        item = _item(journal, number)
        key_id = journal.ledger.details(number).get("id", item.key_id)
        if not chosen.isdisjoint({item.label, key_id}):
            journal.note({"k": kind, "i": number})


def _item(journal: Journal, number: int) -> Item:
    return Item.from_record(journal.record_at(journal.ledger.plan_offset(number)))
