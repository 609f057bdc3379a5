"""The steps that each operation carries out for a key."""

from __future__ import annotations

from typing import Final, Protocol

from ._finishing import Finishing
from ._items import Item
from ._ledger import State
from ._making import Making
from ._recovery import Recovery
from ._run import Run

#: States of a key with a new secret that is in no sink, as far as the journal tells.
MADE: Final = frozenset({State.MADE, State.RESCUED})


class Work(Protocol):
    """The steps of an operation.

    Attributes:
        makes_keys: Whether a call without an answer may have made a key, to be found by its marker.
    """

    makes_keys: bool

    async def begin(self, item: Item) -> None:
        """Make the first call for a key whose intent is journaled."""
        ...

    async def go_on(self, item: Item, *, proves: bool) -> None:
        """Carry out the steps of a key that are due."""
        ...


class Creating:
    """Creates keys."""

    makes_keys = True

    def __init__(self, run: Run, making: Making, recovery: Recovery) -> None:
        self._run = run
        self._making = making
        self._recovery = recovery
        self._finishing = Finishing(run)

    async def begin(self, item: Item) -> None:
        """Create the key, and store its secret."""
        await self._making.create(item, item.fields)

    async def go_on(self, item: Item, *, proves: bool) -> None:
        """Store the secret if it is not stored yet, prove it, and end."""
        if self._run.journal.ledger.state(item.number) in MADE:
            await self._recovery.recover(item)
        await self._finishing.finish(item, proves=proves)


class Rotating(Creating):
    """Rotates keys in place: their old secrets are dead at once."""

    makes_keys = False

    async def begin(self, item: Item) -> None:
        """Rotate the key, and store its secret."""
        await self._making.rotate(item, item.key_id)


class Updating:
    """Changes keys. To repeat this does no harm, so a call without an answer is simply repeated."""

    makes_keys = False

    def __init__(self, run: Run) -> None:
        self._run = run

    async def begin(self, item: Item) -> None:
        """Change the key. If its name is to stay, it is read first, because the service demands one."""
        run, fields = self._run, dict(item.fields)
        keys = run.client.mgmt.access_key
        if "name" not in fields:
            fields["name"] = (await run.call(lambda: keys.load(item.key_id))).name
        await run.call(lambda: keys.update(item.key_id, **fields))
        run.note("done", item, id=item.key_id)

    async def go_on(self, item: Item, *, proves: bool) -> None:
        """Do nothing: one call is all."""
