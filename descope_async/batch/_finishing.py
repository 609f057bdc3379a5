"""The steps after a secret is stored: proof, the user's hook, the end."""

from __future__ import annotations

from asyncio import CancelledError, current_task
from collections.abc import Mapping
from typing import Any

from descope_async._runtime.callables import call_within

from ._items import Item
from ._ledger import State
from ._proof import Proof
from ._run import Run, StoredKey
from ._stop import RunStopped


class Finishing:
    """Takes keys whose secret is stored through their last steps.

    Args:
        run: The run.
        pending: Whether secrets are pending until they are proved.
    """

    def __init__(self, run: Run, *, pending: bool = False) -> None:
        self._run = run
        self._proof = Proof(run, pending=pending)

    async def finish(self, item: Item, *, proves: bool) -> None:
        """Prove a stored secret where that is wanted, call the hook, and journal that the key is done.

        Raises:
            RunStopped: The run is to end.
            SecretRefused: The service does not take the secret.
            DescopeError: The service refuses the exchange for another reason.
        """
        if await self.prove(item, proves=proves):
            about = self._run.journal.ledger.details(item.number)
            self._run.note("done", item, **outcome(about), **await self.call_hook(item))

    async def prove(self, item: Item, *, proves: bool) -> bool:
        """Prove a stored secret where that is wanted.

        Returns:
            Whether the key may go on; False where it cannot be proved from here.

        Raises:
            RunStopped: The run is to end.
            SecretRefused: The service does not take the secret.
        """
        run = self._run
        ledger = run.journal.ledger
        state = ledger.state(item.number)
        if state is State.PROVED or (state is State.STORED and not proves):
            return True
        if run.stop.is_hurried:
            raise RunStopped
        about = ledger.details(item.number)
        is_proved = await self._proof(item, about)
        run.note("proved" if is_proved else "unproven", item, **outcome(about))
        return is_proved

    async def call_hook(self, item: Item) -> dict[str, str]:
        """Call the user's hook.

        Returns:
            What it raised, as ``hook``; nothing when all is well.

        Raises:
            RunStopped: There is no time for it.
        """
        run = self._run
        if run.after_stored is None:
            return {}
        if run.stop.is_hurried:
            raise RunStopped
        about = run.journal.ledger.details(item.number)
        stored = StoredKey(
            key_id=about["id"],
            label=item.label,
            replaces=item.key_id if item.key_id != about["id"] else "",
            references=tuple(about.get("refs", ())),
            fingerprint=about.get("fp", ""),
        )
        try:
            await call_within(None, run.after_stored, stored)
        except (SystemExit, KeyboardInterrupt) as error:
            run.stop.exit_with(error)
            raise RunStopped from None
        except (Exception, CancelledError) as error:
            task = current_task()
            if isinstance(error, CancelledError) and task and task.cancelling():
                raise  # it is this task that is cancelled, not what the hook waited for
            return {"hook": f"{type(error).__name__}: {error}"}
        return {}


def outcome(about: Mapping[str, Any]) -> dict[str, Any]:
    """What the report tells of a key."""
    names = ("id", "fp", "ips", "refs", "again", "lost_at", "twins")
    return {name: about[name] for name in names if name in about}
