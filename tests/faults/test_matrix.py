"""Every call of `descope_async` ends as documented, whatever goes wrong."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest
from attrs import evolve

from descope_async import DescopeClient
from descope_async.emulator import Emulator
from tests.faults.cases import CASES, Case, Proof
from tests.faults.check import deviations, size
from tests.faults.matrix import Cell, run
from tests.faults.page import PAGE, page_with


@pytest.fixture(scope="module")
def cells() -> Sequence[Cell]:
    return asyncio.run(run(blocking=False))


def test_every_call_ends_as_documented(cells: Sequence[Cell]) -> None:
    assert deviations(cells) == []
    assert len(cells) == size()


def test_the_page_shows_what_happens(cells: Sequence[Cell]) -> None:
    assert PAGE.read_text() == page_with(cells), "`nox -s faults` writes the page"


@pytest.mark.parametrize(
    "case",
    [each for each in CASES if each.place == "operation" and each.proof is not Proof.STALE],
    ids=lambda case: case.title,
)
async def test_no_call_needs_the_license(emulator: Emulator, case: Case) -> None:
    assert case.fault
    emulator.faults.add(evolve(case.fault, operation="license"))
    async with DescopeClient(
        emulator.project_id, emulator.management_key, base_url=emulator.base_url
    ) as client:
        for _ in range(2):
            assert await client.mgmt.access_key.search_all_access_keys() == []
        while not [rule for rule in emulator.faults if rule.struck]:  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.01)


@pytest.fixture
async def emulator() -> AsyncIterator[Emulator]:
    async with Emulator(signing_algorithm="ES256") as running:
        yield running
