"""Creates and rotates keys, and stores each new secret before anything else is done."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from descope_async._values.secret import Secret
from descope_async.errors import (
    DeliveryFailed,
    DescopeError,
    OutcomeUnknown,
    UnexpectedResponse,
)
from descope_async.models import AccessKey, CreatedAccessKey, DeliveredSecret
from descope_async.secret_stores import SecretEntry

from ._errors import JournalError
from ._items import Item
from ._ledger import State
from ._run import Run
from ._storing import SecretRescued, SecretUnsaved

Deliver = Callable[[DeliveredSecret], Awaitable[None]]

#: States in which the new secret is safe.
_SAFE: Final = frozenset({State.STORED, State.RESCUED})


class Making:
    """Makes secrets and stores them.

    Args:
        run: The run.
        pending: Whether a new secret goes beside the old one, until it is proved.
    """

    def __init__(self, run: Run, *, pending: bool = False) -> None:
        self._run = run
        self.pending = pending

    def marker(self, number: int) -> str:
        """What the description of a key of this run ends with."""
        return f"op:{self._run.journal.header['run']}-{number}"

    def number(self, key: AccessKey) -> int | None:
        """The number of the key in the run; None if this run did not make it."""
        mark, _, number = key.description.rpartition(" ")[2].rpartition("-")
        is_ours = mark == f"op:{self._run.journal.header['run']}"
        return int(number) if is_ours and number.isdecimal() else None

    async def create(self, item: Item, fields: Mapping[str, Any]) -> None:
        """Create a key and store its secret. The intent is journaled already.

        Raises:
            OutcomeUnknown: Nobody knows whether there is such a key.
            DescopeError: The service refuses it.
            RunStopped: The run is to end.
        """
        marker = self.marker(item.number)
        description = f"{fields.get('description', '')} {marker}".lstrip()
        marked: dict[str, Any] = {**fields, "description": description}
        create = self._run.client.mgmt.access_key.create
        await self._make(item, lambda deliver: create(**marked, deliver=deliver), overwrite=False)

    async def rotate(self, item: Item, key_id: str) -> None:
        """Give a key a new secret and store it. The intent is journaled already.

        Raises:
            OutcomeUnknown: Nobody knows which secret the key has.
            DescopeError: The service refuses it.
            RunStopped: The run is to end.
        """
        rotate = self._run.client.mgmt.access_key.rotate
        await self._make(item, lambda deliver: rotate(key_id, deliver=deliver), overwrite=True)

    async def _make(
        self,
        item: Item,
        make: Callable[[Deliver], Awaitable[CreatedAccessKey]],
        *,
        overwrite: bool,
    ) -> None:
        async def deliver(secret: DeliveredSecret) -> None:
            if secret.key_id is not None:  # else it is found by its marker, and rotated
                await self._take(item, secret, overwrite=overwrite)

        ledger = self._run.journal.ledger
        try:
            await self._run.call(lambda: make(deliver))
        except DeliveryFailed as error:
            await self._rescue(item, error)
        except UnexpectedResponse as error:
            if ledger.state(item.number) not in _SAFE:
                if error.cleartext is None:
                    raise
                raise OutcomeUnknown(str(error)) from None
        except DescopeError:
            # If the secret is safe, it does not matter how the call ends.
            if ledger.state(item.number) not in _SAFE:
                raise
        if ledger.state(item.number) is not State.STORED:
            raise OutcomeUnknown(f"the secret of {item.label!r} could not be stored")

    async def _take(self, item: Item, secret: DeliveredSecret, *, overwrite: bool) -> None:
        key = secret.key
        entry = SecretEntry(
            cleartext=secret.cleartext,
            key_id=secret.key_id or "",
            name=(key.name if key else None) or secret.name or item.label,
            label=item.label,
            fingerprint=self._run.journal.fingerprint(secret.cleartext),
        )
        about: dict[str, Any] = {"id": entry.key_id, "fp": entry.fingerprint}
        if key is not None and key.permitted_ips:
            about["ips"] = True
        self._note("made", item, **about)
        await self.store(item, entry, about, overwrite=overwrite)

    async def store(
        self, item: Item, entry: SecretEntry, about: Mapping[str, Any], *, overwrite: bool
    ) -> None:
        """Put a secret into the sinks. If one fails, rescue the secret and end the run."""
        run = self._run
        try:
            places = await run.storing.put(
                item.number, entry, overwrite=overwrite, pending=self.pending
            )
        except (SecretRescued, SecretUnsaved) as error:
            self._note_failure(item, entry, about, error)
        else:
            run.held[item.number] = Secret(entry.cleartext)
            self._note("stored", item, **about, refs=places)

    async def _rescue(self, item: Item, error: DeliveryFailed) -> None:
        """Save a secret that took too long to deliver."""
        details = self._run.journal.ledger.details(item.number)
        entry = SecretEntry(
            cleartext=error.cleartext,
            key_id=error.key_id or details.get("id", item.key_id),
            name=error.name or item.label,
            label=item.label,
            fingerprint=self._run.journal.fingerprint(error.cleartext),
        )
        about = {"id": entry.key_id, "fp": entry.fingerprint}
        try:
            await self._run.storing.rescue(item.number, entry, str(error))
        except (SecretRescued, SecretUnsaved) as failure:
            self._note_failure(item, entry, about, failure)

    def _note_failure(
        self,
        item: Item,
        entry: SecretEntry,
        about: Mapping[str, Any],
        failure: SecretRescued | SecretUnsaved,
    ) -> None:
        if isinstance(failure, SecretRescued):
            self._note("rescued", item, **about, path=str(failure.path), why=str(failure))
        else:
            self._run.unsaved[entry.key_id] = Secret(entry.cleartext)
        self._run.stop.ask(str(failure))

    def _note(self, kind: str, item: Item, **fields: Any) -> None:
        # The secret goes to its sinks even where the journal cannot be written any more.
        try:
            self._run.note(kind, item, **fields)
        except JournalError as error:
            self._run.stop.ask(str(error))
