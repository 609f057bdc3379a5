"""Settles calls without an answer, of this process or of an earlier one that was killed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Final

from descope_async.models import AccessKey

from ._errors import SecretRefused
from ._finishing import Finishing
from ._items import Item
from ._ledger import State
from ._making import Making
from ._recovery import Recovery
from ._run import Run
from ._work import Work
from ._workers import Workers

#: When to look for keys that may have been made, as parts of ``settle_after``.
_LOOKS: Final = (0.0, 0.1, 0.4, 1.0)
_ROUNDS: Final = 3
#: States of numbers for which the journal knows of no key.
_WITHOUT_KEY: Final = (State.PLANNED, State.FAILED)


class Settling:
    """Finds out what such calls did, and does what is missing.

    A key that may have been created is looked for by its marker. If it is there, its secret is
    lost, and it gets another one; if it is not there when the call can no longer be carried out, it
    is created. A key that may have been rotated is rotated again then, and the secret is proved,
    since nobody knows whether the first call was carried out in between.

    Args:
        run: The run.
        workers: Carry out what is to be done.
        work: The run's operation.
        making: Makes secrets.
        recovery: Gives keys other ones.
        finishing: Proves them.
    """

    def __init__(
        self,
        run: Run,
        workers: Workers,
        work: Work,
        making: Making,
        recovery: Recovery,
        finishing: Finishing,
    ) -> None:
        self._run = run
        self._workers = workers
        self._work = work
        self._making = making
        self._recovery = recovery
        self._finishing = finishing
        self._proves = False
        self._made_again = set[int]()

    async def settle(self, *, proves: bool) -> None:
        """Settle every key of the run whose state is unknown.

        Args:
            proves: Whether each secret is to be proved in the end.

        Raises:
            RunStopped: The run is to end.
        """
        run, ledger = self._run, self._run.journal.ledger
        self._proves = proves
        for number in range(_ROUNDS):
            unknown = list(ledger.numbers(State.INTENT, State.ROTATING))
            # What was refused in the first round would be refused again.
            if not unknown or (number and all(ledger.details(each).get("why") for each in unknown)):
                break
            run.unknown_in_a_row = 0
            rotated = list(ledger.numbers(State.ROTATING))
            if self._work.makes_keys:
                await self._settle_created()
            else:
                rotated += ledger.numbers(State.INTENT)
                await run.stop.sleep(run.settle_after)
            still = (State.ROTATING, State.INTENT)
            await self._carry_out(
                [number for number in rotated if ledger.state(number) in still],
                self._rotate_until_proved,
            )
        await self._report_twins()

    async def adopt(self) -> None:
        """Find keys that this run made and whose lines its journal has lost.

        Raises:
            RunStopped: The run is to end.
        """
        run, ledger = self._run, self._run.journal.ledger
        if not self._work.makes_keys or not any(ledger.counts[state] for state in _WITHOUT_KEY):
            return
        found = await self._search(None, everywhere=False)
        found = found or await self._search(None, everywhere=True)
        for number, (newest, *twins) in found.items():
            if ledger.state(number) in _WITHOUT_KEY:
                fields = {"twins": [twin.id for twin in twins]} if twins else {}
                run.note("made", run.item(number), id=newest.id, fp="", **fields)

    async def _settle_created(self) -> None:
        run, ledger = self._run, self._run.journal.ledger
        began = run.clock.running()
        for part in _LOOKS:
            await run.stop.sleep(began + part * run.settle_after - run.clock.running())
            wanted = set(ledger.numbers(State.INTENT))
            if not wanted:
                continue
            found = await self._search(wanted, everywhere=part == _LOOKS[-1])

            async def give_secret(item: Item, found: dict[int, list[AccessKey]] = found) -> None:
                newest, *twins = found[item.number]
                fields = {"twins": [twin.id for twin in twins]} if twins else {}
                await self._recovery.rotate(item, newest.id, **fields)
                await self._prove(item)

            await self._carry_out(found, give_secret)
        lost = list(ledger.numbers(State.INTENT))
        self._made_again.update(lost)
        run.journal.note(*({"k": "undone", "i": number} for number in lost))
        await self._workers.carry_out(lost, self._work.begin, self._go_on)

    async def _search(
        self, wanted: set[int] | None, *, everywhere: bool
    ) -> dict[int, list[AccessKey]]:
        """The keys that were made for these numbers (None for all), the newest first."""
        search = self._run.client.mgmt.access_key.search_all_access_keys
        mark = f"op:{self._run.journal.header['run']}"
        # It is not documented in which fields the service looks for a text.
        keys = await self._run.call(lambda: search(text=None if everywhere else mark))
        found = defaultdict[int, list[AccessKey]](list)
        for key in sorted(keys, key=lambda key: key.created_time, reverse=True):
            number = self._making.number(key)
            if number is not None and (wanted is None or number in wanted):
                found[number].append(key)
        return dict(found)

    async def _rotate_until_proved(self, item: Item) -> None:
        details = self._run.journal.ledger.details(item.number)
        for number in range(_ROUNDS):
            await self._recovery.rotate(item, details.get("id", item.key_id))
            try:
                await self._prove(item)
            except SecretRefused:
                # The first call was carried out after this one.
                if number == _ROUNDS - 1:
                    raise
                await self._run.stop.sleep(self._run.settle_after)
            else:
                return

    async def _prove(self, item: Item) -> None:
        if await self._finishing.prove(item, proves=True):
            await self._go_on(item)

    async def _go_on(self, item: Item) -> None:
        await self._work.go_on(item, proves=self._proves)

    async def _carry_out(self, numbers: Iterable[int], step: object) -> None:
        await self._workers.carry_out(sorted(numbers), self._work.begin, step)  # type: ignore[arg-type]

    async def _report_twins(self) -> None:
        """Note keys that appeared after another one had been made for the same number."""
        if not self._made_again:
            return
        run = self._run
        for number, keys in (await self._search(self._made_again, everywhere=True)).items():
            kept = run.journal.record_at(run.journal.ledger.outcome_offset(number))
            twins = [key.id for key in keys if key.id != kept.get("id")]
            if twins and run.journal.ledger.state(number) is State.DONE:
                fields = {name: value for name, value in kept.items() if name != "crc"}
                run.journal.note({**fields, "twins": twins})
