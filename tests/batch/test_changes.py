"""Keys are updated, activated, deactivated and deleted."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from descope_async import DescopeClient
from descope_async.batch import Batch, BatchStopped, KeyChange, Progress
from descope_async.emulator import Emulator, Fault
from descope_sync.emulator import Emulator as BlockingEmulator

from .crashes import Crashes, report_of

MakeBatch = Callable[..., Batch]


async def test_keys_are_changed(
    make_batch: MakeBatch, client: DescopeClient, existing: Any
) -> None:
    keys, _ = await existing(3, description="old", permitted_ips=["127.0.0.1"])
    report = await make_batch().update(
        [
            KeyChange(keys[0].id, description="new"),
            {"id": keys[1].id, "name": "renamed", "permitted_ips": []},
            {"id": keys[2].id, "description": ""},
        ]
    )
    assert report.is_complete
    found = [await client.mgmt.access_key.load(key.id) for key in keys]
    assert [key.name for key in found] == ["old-0", "renamed", "old-2"]
    assert [key.description for key in found] == ["new", "old", ""]
    assert [key.permitted_ips for key in found] == [("127.0.0.1",), (), ("127.0.0.1",)]


def test_a_killed_update_is_done_again_and_rotates_nothing(tmp_path: Path) -> None:
    with BlockingEmulator(signing_algorithm="ES256") as emulator:
        crashes = Crashes(emulator, tmp_path, random.Random(0))  # noqa: S311 - draws nothing
        made = crashes.orders("made", "create", [{"name": f"m-{n}"} for n in range(8)])
        crashes.carry_out(made, 0, 0)
        items = [
            {"id": line["key_id"], "description": "new"}
            for line in report_of(Path(made["journal"]))
        ]
        orders = crashes.orders("work", "update", items)
        for number in (1, 3):
            crashes.die({**orders, "die_at": "intent"}, number)
        crashes.carry_out(orders, 0, 0)
        assert not crashes.problems
        assert not emulator.requests.count("access_key.rotate")
        assert emulator.requests.count("access_key.update") >= 8


@pytest.mark.parametrize(
    ("operation", "status"), [("deactivate", "inactive"), ("delete", None), ("activate", "active")]
)
async def test_keys_are_brought_into_a_state(
    make_batch: MakeBatch,
    client: DescopeClient,
    emulator: Emulator,
    operation: str,
    status: str | None,
) -> None:
    await make_batch(journal="made").create([{"name": "a"}] * 230)
    keys = await client.mgmt.access_key.search_all_access_keys()
    if operation == "activate":
        await make_batch(journal="off").deactivate(keys)
    told: list[Progress] = []
    report = await getattr(make_batch(progress=told.append), operation)(keys)
    assert report.is_complete
    assert told[-1].done == 230
    assert emulator.requests.count(f"access_key.{operation}_batch") == 3
    found = {key.id: key.status for key in await client.mgmt.access_key.search_all_access_keys()}
    assert [found.get(key.id) for key in keys] == [status] * 230
    assert (await getattr(make_batch(), operation)(keys)).is_complete
    assert emulator.requests.count(f"access_key.{operation}_batch") == 3


async def test_a_key_that_is_not_there_does_not_hold_up_the_others(
    make_batch: MakeBatch, client: DescopeClient, existing: Any, report_of: Any
) -> None:
    keys, _ = await existing(5)
    await client.mgmt.access_key.delete(keys[2].id)
    report = await make_batch().deactivate(keys)
    assert (report.done, report.failed) == (4, 1)
    assert report_of()[2]["problem"] == f"there is no key {keys[2].id}"


async def test_a_key_that_goes_in_the_middle(
    make_batch: MakeBatch, client: DescopeClient, emulator: Emulator, existing: Any
) -> None:
    keys, _ = await existing(9)
    emulator.faults.add(Fault("status", "access_key.delete_batch", status=404, nth=1))
    assert (await make_batch().delete(keys)).is_complete  # in halves
    assert await client.mgmt.access_key.search_all_access_keys() == []


async def test_what_was_not_carried_out_is_found_by_the_look_afterwards(
    make_batch: MakeBatch, emulator: Emulator, existing: Any
) -> None:
    keys, _ = await existing(2)
    emulator.faults.add(Fault("status", "access_key.delete_batch", status=401))
    with pytest.raises(BatchStopped, match="401"):
        await make_batch().delete(keys)
    emulator.faults.clear()
    assert (await make_batch().resume()).is_complete


async def test_a_callback_that_fails_does_not_end_the_run(
    make_batch: MakeBatch, existing: Any, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_: Progress) -> None:
        raise OSError("no terminal")

    keys, _ = await existing(2)
    assert (await make_batch(progress=fail).delete(keys)).is_complete
    assert "the progress callback failed" in caplog.text
