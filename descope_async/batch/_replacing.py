"""Replaces keys: each gets a new key beside it, its successor, and is retired after a grace period."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import asdict

from descope_async.access_keys import AccessKeys
from descope_async.errors import NotFound
from descope_async.models import AccessKey

from ._errors import KeyNotSuited
from ._finishing import Finishing, outcome
from ._items import Item, written_description
from ._ledger import State
from ._making import Making
from ._proof import Proof
from ._recovery import Recovery
from ._run import Run
from ._work import MADE


class Replacing:
    """Gives keys successors. Each call carries out the steps of a key that are due.

    Every step looks first whether somebody has done it by hand.

    Args:
        run: The run.
        making: Makes secrets, pending ones.
        recovery: Finds lost ones.
        expire_time: When successors expire, epoch seconds; None for when the old keys do.
        grace: Seconds from the proof of a successor to the end of the old key.
        delete_after: Seconds from there to its deletion; None for never.
    """

    makes_keys = True

    def __init__(
        self,
        run: Run,
        making: Making,
        recovery: Recovery,
        *,
        expire_time: int | None,
        grace: float,
        delete_after: float | None,
    ) -> None:
        self._run = run
        self._making = making
        self._recovery = recovery
        self._finishing = Finishing(run, pending=True)
        self._proof = Proof(run, pending=False)
        self._expire_time = expire_time
        self._grace = grace
        self._delete_after = delete_after

    async def begin(self, item: Item) -> None:
        """Create a successor, and store its secret beside the old one.

        It is as the item says, or else like the key as it is now.
        """
        old = await self._load(item.key_id)
        if old is None:
            raise KeyNotSuited(f"there is no key {item.key_id}")
        if old.status != "active":
            raise KeyNotSuited(f"{item.key_id} is not active, and a successor would be")
        if item.fields:
            await self._making.create(item, item.fields)
            return
        if old.is_expired and self._expire_time is None:
            raise KeyNotSuited(f"{item.key_id} is expired; replace it, with a new expiry")
        expire_time = old.expire_time if self._expire_time is None else self._expire_time
        await self._making.create(item, _fields_like(old, expire_time))

    async def go_on(self, item: Item, *, proves: bool) -> None:  # noqa: ARG002 - always proved
        """Carry out the steps of a key that are due."""
        ledger = self._run.journal.ledger
        if ledger.state(item.number) in MADE:
            await self._recovery.recover(item)
        if ledger.state(item.number) in (State.STORED, State.UNPROVEN, State.PROVED):
            if not await self._finishing.prove(item, proves=True):
                return
            await self._promote(item)
        if self._is_due(item, State.WAITING):
            await self._retire(item)
        if self._is_due(item, State.RETIRED):
            await self._delete(item)

    def _is_due(self, item: Item, state: State) -> bool:
        ledger = self._run.journal.ledger
        if ledger.state(item.number) is not state:
            return False
        until = ledger.details(item.number).get("until")
        return until is not None and until <= self._run.clock.now()

    async def _promote(self, item: Item) -> None:
        """Put the successor's secret in the place of the old one. The grace period begins."""
        run = self._run
        about = run.journal.ledger.details(item.number)
        await run.storing.promote(about["refs"], about["id"])
        found = await self._finishing.call_hook(item)
        until = run.clock.now() + self._grace
        run.note("waiting", item, **outcome(about), **found, until=round(until, 3), why=None)

    async def _retire(self, item: Item) -> None:
        """Deactivate the old key, if its successor still works."""
        run = self._run
        about = dict(run.journal.ledger.details(item.number))
        old = await self._load(item.key_id)
        if old is None:
            run.note("done", item, **outcome(about), by_hand="the old key was deleted")
            return
        if problem := await self._problem(about):
            self._stay("waiting", item, about, f"{problem}; the old key {old.id} stays")
            return
        if old.status == "active":
            await run.call(lambda: self._keys.deactivate(old.id))
        if self._delete_after is None:
            run.note("done", item, **outcome(about))
            return
        until = round(run.clock.now() + self._delete_after, 3)
        run.note("retired", item, **outcome(about), until=until, why=None)

    async def _problem(self, about: Mapping[str, Any]) -> str | None:
        """What is wrong with the successor; None if nothing is found."""
        successor = await self._load(about["id"])
        if successor is None or not successor.is_active:
            return f"the successor {about['id']} is gone, inactive or expired"
        secret = await self._run.storing.read(about["refs"])
        if secret is None or about.get("ips") or await self._proof.is_accepted(secret):
            return None
        return f"the service refuses the secret of {about['id']} that is stored"

    async def _delete(self, item: Item) -> None:
        run = self._run
        about = dict(run.journal.ledger.details(item.number))
        old = await self._load(item.key_id)
        if old is not None and old.status == "active":
            self._stay("retired", item, about, f"somebody has activated {old.id} again; it stays")
            return
        if old is not None:
            await run.call(lambda: self._keys.delete(old.id))
        run.note("done", item, **outcome(about))

    def _stay(self, kind: str, item: Item, about: Mapping[str, Any], why: str) -> None:
        self._run.note(kind, item, **outcome(about), until=about["until"], why=why)

    async def _load(self, key_id: str) -> AccessKey | None:
        try:
            return await self._run.call(lambda: self._keys.load(key_id))
        except NotFound:
            return None

    @property
    def _keys(self) -> AccessKeys:
        return self._run.client.mgmt.access_key


def _fields_like(key: AccessKey, expire_time: int) -> dict[str, Any]:
    """The arguments of `create` for a key that is like another one, with its roles, claims and attributes.

    Args:
        key: The other one.
        expire_time: When the new one stops working, epoch seconds; 0 for never.
    """
    bound = bool(key.bound_user_id)
    found: dict[str, Any] = {
        "name": key.name,
        "expire_time": expire_time,
        "description": written_description(key),
        "role_names": [] if bound else list(key.role_names),
        "key_tenants": []
        if bound
        else [asdict(tenant, filter=_is_sent, recurse=False) for tenant in key.key_tenants],
        "user_id": key.bound_user_id or None,
        "custom_claims": dict(key.custom_claims),
        "permitted_ips": list(key.permitted_ips),
        "custom_attributes": dict(key.custom_attributes),
    }
    return {name: value for name, value in found.items() if value}


def _is_sent(attribute: Any, _: object) -> bool:
    return attribute.name in ("tenant_id", "role_names")
