"""Journals what a run is to do before its first call, or compares it with an earlier journal."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from itertools import islice
from typing import Any, Final

import anyio.lowlevel

from descope_async.client import DescopeClient

from ._errors import JournalMismatch
from ._items import Item
from ._journal import Journal
from ._ledger import State
from ._rights import check_rights
from ._shared_places import Places
from ._statuses import SWITCHES
from ._storing import Storing

_CHUNK: Final = 256


class Planning:
    """Begins runs, and takes up interrupted ones.

    Args:
        client: The project.
        storing: The sinks.
    """

    def __init__(self, client: DescopeClient, storing: Storing) -> None:
        self._client = client
        self._storing = storing

    async def plan(
        self, journal: Journal, about: Mapping[str, Any], items: Callable[[], Iterable[Item]]
    ) -> None:
        """Journal what is to be done, and find out whether it can be.

        Args:
            journal: A new one.
            about: The run.
            items: Its keys.

        Raises:
            InvalidArgument: A key cannot be right, or two keys would share a place.
            SecretStoreError: A sink cannot keep secrets.
            ConfigurationError: The management key lacks rights.
        """
        journal.start(dict(about))
        places = Places(self._storing.places if about["operation"] not in SWITCHES else _nowhere)
        try:
            is_new = about["operation"] == "create"
            async for chunk in self._chunks(items(), places, is_new=is_new):
                journal.plan(item.to_record() for item in chunk)
            places.check(lambda: [_item(journal, each) for each in range(len(journal.ledger))])
            await self._preflight(journal)
        except BaseException:
            journal.discard()
            journal.path.unlink(missing_ok=True)
            raise
        journal.begin()

    async def examine(self, items: Iterable[Item], *, is_new: bool) -> None:
        """Find out whether the sinks can keep the secrets of keys, without a journal or a call.

        Raises:
            InvalidArgument: A key cannot be right, or two keys would share a place.
            SecretStoreError: A sink cannot keep secrets.
        """
        places, found = Places(self._storing.places), list[Item]()
        async for chunk in self._chunks(items, places, is_new=is_new):
            found += chunk
        places.check(lambda: found)
        if found:
            await self._storing.check(len(found))

    async def _chunks(
        self, items: Iterable[Item], places: Places, *, is_new: bool
    ) -> AsyncGenerator[list[Item]]:
        """The keys, some at a time, whose places are noted and, for new ones, free."""
        left = iter(items)
        while chunk := list(islice(left, _CHUNK)):
            for item in chunk:
                places.add(item)
            if is_new:
                await self._storing.check_free(chunk)
            yield chunk
            await anyio.lowlevel.checkpoint()  # thousands of keys must not hold up the loop

    async def compare(
        self, journal: Journal, about: Mapping[str, Any], items: Callable[[], Iterable[Item]]
    ) -> None:
        """Check that a run is the one in the journal, and that it can go on.

        Args:
            journal: The journal.
            about: The run.
            items: Its keys.

        Raises:
            JournalMismatch: It is another one.
            SecretStoreError: A sink cannot keep secrets.
            ConfigurationError: The management key lacks rights.
        """
        self._check_project(journal)
        for name in ("operation", "options"):
            if journal.header[name] != about[name]:
                raise JournalMismatch(
                    journal.path,
                    f"is of a run with the {name} {journal.header[name]!r}, not {about[name]!r}; "
                    "resume() goes on with it, and another run needs another journal",
                )
        if not journal.has_planned(item.to_record() for item in items()):
            raise JournalMismatch(
                journal.path,
                "is of a run over other keys; resume() goes on with it, and another run needs "
                "another journal",
            )
        await self.take_up(journal)

    async def take_up(self, journal: Journal) -> None:
        """Find out whether a run can go on, and note which process does that.

        Raises:
            JournalMismatch: It is of another project.
            SecretStoreError: A sink cannot keep secrets.
            ConfigurationError: The management key lacks rights.
        """
        self._check_project(journal)
        journal.claim()
        await self._preflight(journal)

    def _check_project(self, journal: Journal) -> None:
        for name, ours in (
            ("project", self._client.project_id),
            ("base_url", self._client.base_url),
        ):
            if journal.header[name] != ours:
                raise JournalMismatch(
                    journal.path, f"is of the {name} {journal.header[name]}, not of {ours}"
                )

    async def _preflight(self, journal: Journal) -> None:
        ledger = journal.ledger
        left = len(ledger) - ledger.counts[State.DONE]
        if left:
            if journal.header["operation"] not in (*SWITCHES, "update"):
                await self._storing.check(left)
            await check_rights(self._client)


def _item(journal: Journal, number: int) -> Item:
    return Item.from_record(journal.record_at(journal.ledger.plan_offset(number)))


def _nowhere(*_: str) -> list[str]:
    return []
