"""A local Descope for each test, and work on it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from descope_async import AccessKey, DescopeClient
from descope_async.batch import Batch, SecretEntry
from descope_async.emulator import Emulator
from descope_async.secret_stores import SecretStoreError
from descope_async.testing import EmulatorClock


@pytest.fixture
async def emulator() -> AsyncIterator[Emulator]:
    async with Emulator(signing_algorithm="ES256") as emulator:
        yield emulator


@pytest.fixture
async def client(emulator: Emulator) -> AsyncIterator[DescopeClient]:
    async with DescopeClient(
        emulator.project_id,
        emulator.management_key,
        base_url=emulator.base_url,
        clock=EmulatorClock(emulator.clock),
        timeouts={"read": 1, "secret": 1, "deadline": 3, "exchange": 3},
    ) as client:
        yield client


@pytest.fixture
def make_batch(client: DescopeClient, tmp_path: Path) -> Callable[..., Batch]:
    """Makes work without pacing, whose unknown outcomes are settled quickly."""

    def make(*sinks: Any, journal: str = "journal", **options: Any) -> Batch:
        given = sinks or (f"file:{tmp_path}/keys/{{id}}.json",)
        options = {"rate": None, "settle_after": 0.2, **options}
        return Batch(client, tmp_path / journal, list(given), **options)

    return make


@pytest.fixture
def report_of(tmp_path: Path) -> Callable[..., list[dict[str, Any]]]:
    """The lines of a report."""

    def read(journal: str = "journal") -> list[dict[str, Any]]:
        text = (tmp_path / f"{journal}.report.jsonl").read_text()
        return [json.loads(line) for line in text.splitlines()]

    return read


@pytest.fixture
async def existing(client: DescopeClient) -> Callable[..., Any]:
    """Creates keys outside of any batch, and hands out them and their secrets."""

    async def create(count: int, **options: Any) -> tuple[list[AccessKey], list[str]]:
        made = [
            await client.mgmt.access_key.create(f"old-{number}", **options)
            for number in range(count)
        ]
        return [each.key for each in made], [each.cleartext for each in made]

    return create


class MemoryStore:
    """A store of one's own, that does what a test wants.

    Attributes:
        kept: The secrets by place.
        refuses: Which puts are refused, by their number from 1 on.
        forgets: Which puts are acknowledged and forgotten.
        puts: How many there were.
    """

    def __init__(
        self,
        refuses: Callable[[int], bool] = lambda _: False,
        forgets: Callable[[int], bool] = lambda _: False,
    ) -> None:
        self.kept: dict[str, str] = {}
        self.refuses = refuses
        self.forgets = forgets
        self.puts = 0

    def place(self, key_id: str, label: str) -> str:
        return f"memory:{key_id}"

    def check(self, keys: int) -> None:
        pass

    def is_free(self, place: str) -> bool:
        return place not in self.kept

    def put(self, place: str, entry: SecretEntry, *, overwrite: bool, pending: bool) -> None:
        self.puts += 1
        if self.refuses(self.puts):
            raise SecretStoreError(place, "out of order")
        if not self.forgets(self.puts):
            self.kept[place] = entry.cleartext

    def get(self, place: str, *, pending: bool = False) -> str | None:
        if place not in self.kept:
            raise SecretStoreError(place, "nothing there")
        return self.kept[place]

    def promote(self, place: str, key_id: str) -> None:
        pass


@pytest.fixture
def memory_store() -> type[MemoryStore]:
    return MemoryStore
