"""Recovers keys whose secret an earlier process had received and not yet stored."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from descope_async.errors import DescopeError
from descope_async.secret_stores import SecretEntry

from ._items import Item
from ._ledger import State
from ._making import Making
from ._run import Run
from ._stop import RunStopped


class Recovery:
    """Finds secrets in sinks and in the rescue file, or gives their keys other ones.

    Args:
        run: The run.
        making: Makes secrets.
    """

    def __init__(self, run: Run, making: Making) -> None:
        self._run = run
        self._making = making

    async def recover(self, item: Item) -> None:
        """Get the secret of a key that was made into the sinks.

        Raises:
            OutcomeUnknown: Nobody knows which secret the key has.
            DescopeError: The service refuses to rotate it.
            RunStopped: The run is to end.
        """
        ledger = self._run.journal.ledger
        about = ledger.details(item.number)
        if ledger.state(item.number) is State.RESCUED:
            await self._redeliver(item, about)
        elif not await self._find(item, about):
            await self.rotate(item, about["id"])

    async def rotate(self, item: Item, key_id: str, **fields: Any) -> None:
        """Rotate a key, because its last secret is lost.

        Args:
            item: The key.
            key_id: Its id.
            fields: What else to journal about it.

        Raises:
            OutcomeUnknown: Nobody knows which secret the key has.
            DescopeError: The service refuses to rotate it.
            RunStopped: The run is to end.
        """
        about = self._run.journal.ledger.details(item.number)
        lost_at = about.get("lost_at", about.get("at"))
        if lost_at is not None:
            fields["lost_at"] = lost_at
        await self._run.note_durably("rotating", item, id=key_id, again=True, **fields)
        await self._making.rotate(item, key_id)

    async def _find(self, item: Item, about: Mapping[str, Any]) -> bool:
        """Look for the secret in the sinks, and put it into those that do not have it."""
        run = self._run
        known = {name: about[name] for name in ("id", "fp", "ips") if name in about}
        places = run.storing.places(about["id"], item.label)
        kept = await run.storing.find(
            places,
            lambda secret: run.journal.fingerprint(secret) == about.get("fp"),
            pending=self._making.pending,
        )
        if kept.cleartext is None:
            return False
        if kept.readable == len(places) and not kept.missing:
            run.note("stored", item, **known, refs=places)
            return True
        entry = SecretEntry(
            cleartext=kept.cleartext.reveal(),
            key_id=about["id"],
            name=item.fields.get("name", item.label),
            label=item.label,
            fingerprint=about["fp"],
        )
        await self._making.store(item, entry, known, overwrite=True)
        if run.journal.ledger.state(item.number) is not State.STORED:
            raise RunStopped
        return True

    async def _redeliver(self, item: Item, about: Mapping[str, Any]) -> None:
        """Put a rescued secret into the sinks. If its file is gone, the key is rotated."""
        run = self._run
        path = Path(about["path"])
        try:
            places = await run.storing.redeliver(path, overwrite=True, pending=self._making.pending)
        except FileNotFoundError:
            await self.rotate(item, about["id"])
            return
        except (OSError, ValueError, DescopeError) as error:
            run.stop.ask(f"the rescued secret in {path} cannot be stored: {error}")
            raise RunStopped from None
        if places is None:
            raise RunStopped  # sealed: its owner opens it, and removes the file
        known = {name: about[name] for name in ("id", "fp", "ips") if name in about}
        run.note("stored", item, **known, refs=places)
