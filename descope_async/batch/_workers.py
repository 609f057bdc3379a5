"""Workers that take the keys of a run in turn. The intent of each call is journaled before it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from itertools import islice
from typing import Final

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

from descope_async.errors import DescopeError, Forbidden, OutcomeUnknown

from ._errors import JournalError
from ._items import Item
from ._ledger import State
from ._run import Run
from ._stop import RunStopped
from ._verdict import judge

_FRESH: Final = frozenset({State.PLANNED, State.FAILED})
#: After so many refusals for missing rights in a row, the management key counts as lacking them.
_MOST_FORBIDDEN: Final = 10


class Workers:
    """Carries out steps for many keys, a few at a time.

    Intents are journaled for as many keys as there are workers at a time, ahead of them, with one
    fsync for all. The lines that workers add are on the disk with the next intents, at the latest
    at the end.

    Args:
        run: The run.
        count: How many workers.
        tell: Is called when something has become of a key.
    """

    def __init__(self, run: Run, count: int, tell: Callable[[], None]) -> None:
        self._run = run
        self._count = count
        self._tell = tell
        self._ahead: dict[int, Item] = {}
        self._forbidden_in_a_row = 0

    async def carry_out(
        self,
        numbers: Iterable[int],
        begin: Callable[[Item], Awaitable[None]],
        go_on: Callable[[Item], Awaitable[None]],
    ) -> None:
        """Work on keys. It returns when all were worked on, or the run is to end.

        A cancellation is like the wish to end the run: the secrets under way are stored first.

        Args:
            numbers: The keys.
            begin: Makes the first call for a key.
            go_on: Does what comes after it.
        """
        send, receive = anyio.create_memory_object_stream[tuple[Item, bool]](self._count)
        try:
            async with anyio.create_task_group() as group, send, receive:
                for _ in range(self._count):
                    group.start_soon(self._worker, receive.clone(), begin, go_on)
                await self._feed(send, numbers)
                send.close()
        except BaseException:
            self._run.stop.ask("the run was cancelled")
            raise
        finally:
            self._undo_the_rest()

    async def _feed(
        self, send: MemoryObjectSendStream[tuple[Item, bool]], numbers: Iterable[int]
    ) -> None:
        run = self._run
        ledger, stop = run.journal.ledger, run.stop
        left = iter(numbers)
        try:
            while not stop.is_wanted and (chunk := list(islice(left, self._count))):
                items = [run.item(number) for number in chunk]
                fresh = [item for item in items if ledger.state(item.number) in _FRESH]
                if fresh:
                    when = self._when()
                    run.journal.note(*({"k": "intent", "i": each.number, **when} for each in fresh))
                    self._ahead |= {item.number: item for item in fresh}
                    await run.journal.sync()
                for item in items:
                    await send.send((item, item.number in self._ahead))
        except JournalError as error:
            stop.ask(str(error))
        except BaseException:
            stop.ask("the run was cancelled")
            raise

    def _when(self) -> dict[str, float]:
        """The time for the line of an intent: from then on an old secret may be refused."""
        run = self._run
        ends_secrets = run.journal.header["operation"] == "rotate"
        return {"at": round(run.clock.now(), 3)} if ends_secrets else {}

    async def _worker(
        self,
        receive: MemoryObjectReceiveStream[tuple[Item, bool]],
        begin: Callable[[Item], Awaitable[None]],
        go_on: Callable[[Item], Awaitable[None]],
    ) -> None:
        with receive:
            async for item, is_fresh in receive:
                if self._run.stop.is_wanted:
                    continue
                # Work that has begun is not cancelled: a secret may be under way.
                with anyio.CancelScope(shield=True):
                    await self._take(item, begin if is_fresh else None, go_on)
                self._tell()

    async def _take(
        self,
        item: Item,
        begin: Callable[[Item], Awaitable[None]] | None,
        go_on: Callable[[Item], Awaitable[None]],
    ) -> None:
        run = self._run
        is_begun = True
        try:
            if begin is not None:
                await begin(item)
            await go_on(item)
        except OutcomeUnknown:
            pass  # it is settled later
        except RunStopped:
            is_begun = False  # a call that was made ends in another way
        except DescopeError as error:
            self._note_failure(item, error)
        except Exception as error:
            run.stop.ask(f"{type(error).__name__} while {item.label!r} was worked on: {error}")
            raise
        else:
            self._forbidden_in_a_row = 0
        finally:
            run.held.pop(item.number, None)
            if is_begun:
                self._ahead.pop(item.number, None)

    def _note_failure(self, item: Item, error: DescopeError) -> None:
        run = self._run
        if judge(error) == "stop":
            run.stop.ask(str(error))
            return
        if isinstance(error, Forbidden):
            self._forbidden_in_a_row += 1
            if self._forbidden_in_a_row >= _MOST_FORBIDDEN:
                run.stop.ask(f"{_MOST_FORBIDDEN} refusals in a row: {error}")
        state = run.journal.ledger.state(item.number)
        about = {**run.journal.ledger.details(item.number), "why": str(error)}
        try:
            # A key that was made keeps its state, so that no other one is made for it.
            if state in (State.PLANNED, State.INTENT, State.FAILED):
                run.note("failed", item, why=str(error))
            else:
                run.note(_KIND[state], item, **about)
        except JournalError as failure:
            run.stop.ask(str(failure))

    def _undo_the_rest(self) -> None:
        """Journal which intents were not carried out."""
        run, ledger = self._run, self._run.journal.ledger
        ahead = [item for item in self._ahead.values() if ledger.state(item.number) is State.INTENT]
        self._ahead.clear()
        try:
            run.journal.note(*({"k": "undone", "i": item.number} for item in ahead))
        except JournalError as error:
            run.stop.ask(str(error))


_KIND: Final = {
    State.ROTATING: "rotating",
    State.MADE: "made",
    State.STORED: "stored",
    State.UNPROVEN: "unproven",
    State.PROVED: "proved",
    State.WAITING: "waiting",
    State.RETIRED: "retired",
    State.RESCUED: "rescued",
    State.DONE: "done",
}
