"""Activates, deactivates or deletes keys by the hundred, and checks their status afterwards."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from itertools import islice
from typing import Final, Literal

from descope_async.errors import BadRequest, Conflict, DescopeError, NotFound

from ._ledger import State
from ._run import Run

Switch = Literal["activate", "deactivate", "delete"]

_CHUNK: Final = 100
#: The operations.
SWITCHES: Final[tuple[Switch, ...]] = ("activate", "deactivate", "delete")
_STATUS: Final[dict[Switch, str | None]] = {
    "activate": "active",
    "deactivate": "inactive",
    "delete": None,
}


class Switching:
    """Brings keys into a status. To repeat this does no harm.

    Args:
        run: The run.
        switch: What to do.
        tell: Is called when something has become of keys.
    """

    def __init__(self, run: Run, switch: Switch, tell: Callable[[], None]) -> None:
        self._run = run
        self._switch: Switch = switch
        self._wanted = _STATUS[switch]
        self._tell = tell
        keys = run.client.mgmt.access_key
        self._change: Callable[[Collection[str]], Awaitable[None]] = {
            "activate": keys.activate_batch,
            "deactivate": keys.deactivate_batch,
            "delete": keys.delete_batch,
        }[switch]

    async def carry_out(self) -> None:
        """Bring all keys into the status, and check that they are in it.

        Raises:
            RunStopped: The run is to end.
            DescopeError: The service refuses it.
        """
        run = self._run
        found = await self._statuses()
        left = iter(list(run.journal.ledger.numbers(State.PLANNED, State.INTENT, State.FAILED)))
        tried: list[int] = []
        while chunk := list(islice(left, _CHUNK)):
            ids = {number: run.item(number).key_id for number in chunk}
            due = [
                number
                for number, key_id in ids.items()
                if key_id in found and found[key_id] != self._wanted
            ]
            run.journal.note(*({"k": "intent", "i": number} for number in due))
            await run.journal.sync()
            await self._try({number: ids[number] for number in due})
            tried += chunk
            self._tell()
        if tried:
            self._judge(tried, await self._statuses())

    async def _try(self, ids: dict[int, str]) -> None:
        """Change keys together. If that is refused, change each half, to find the bad key."""
        if not ids:
            return
        try:
            await self._run.call(lambda: self._change(list(ids.values())))
        except (BadRequest, Conflict, NotFound):
            pass
        else:
            return
        if len(ids) == 1:
            return  # the look afterwards tells whether it is as wanted all the same
        middle = len(ids) // 2
        await self._try(dict(list(ids.items())[:middle]))
        await self._try(dict(list(ids.items())[middle:]))

    def _judge(self, numbers: list[int], found: dict[str, str]) -> None:
        run = self._run
        for number in numbers:
            item = run.item(number)
            status = found.get(item.key_id)
            if status == self._wanted:
                run.note("done", item, id=item.key_id)
            elif status is None:
                run.note("failed", item, why=f"there is no key {item.key_id}")
            else:
                run.note("failed", item, why=f"{item.key_id} is still {status}")
        self._tell()

    async def _statuses(self) -> dict[str, str]:
        """The status of every key of the project, by its id."""
        try:
            keys = await self._run.call(self._run.client.mgmt.access_key.search_all_access_keys)
        except DescopeError as error:
            raise error.with_traceback(None) from None
        return {key.id: key.status for key in keys}
