"""Sinks and services that fail, and what becomes of the secrets then."""

from __future__ import annotations

import json
import stat
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from descope_async import ConfigurationError, DescopeClient, InvalidArgument
from descope_async.batch import Batch, BatchStopped, SecretEntry, SecretStoreError
from descope_async.emulator import Emulator, Fault
from tests.tracebacks import shown

MakeBatch = Callable[..., Batch]
ITEMS = [{"name": f"machine-{number}"} for number in range(8)]


async def all_work(client: DescopeClient, secrets: dict[str, str]) -> bool:
    """Whether there are secrets for all keys of the project, and each works."""
    keys = await client.mgmt.access_key.search_all_access_keys()
    assert {f"memory:{key.id}" for key in keys} == set(secrets)
    for secret in secrets.values():
        await client.exchange_access_key(secret)
    return True


async def test_a_sink_that_fails_for_a_moment(
    make_batch: MakeBatch, client: DescopeClient, memory_store: Any
) -> None:
    store = memory_store(refuses=lambda number: number in (2, 3))
    assert (await make_batch(store).create(ITEMS)).is_complete
    assert await all_work(client, store.kept)


async def test_a_sink_that_fails_for_one_key_stops_all(
    make_batch: MakeBatch, client: DescopeClient, memory_store: Any, tmp_path: Path, report_of: Any
) -> None:
    store = memory_store(refuses=lambda number: number > 3)
    with pytest.raises(BatchStopped, match="out of order; the secret is in ") as stopped:
        await make_batch(store, concurrency=2).create(ITEMS)
    rescued = [line for line in report_of() if line["outcome"] == "rescued"]
    assert 1 <= len(rescued) <= 2
    assert "out of order" in rescued[0]["problem"]
    folder = tmp_path / "journal.rescue"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for file in folder.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        held = json.loads(file.read_text())
        assert (await client.exchange_access_key(held["cleartext"])).key_id == held["id"]
        assert held["cleartext"] not in f"{stopped.value}{stopped.value.report!r}"
    before = len(await client.mgmt.access_key.search_all_access_keys())

    with pytest.raises(BatchStopped, match="cannot be stored"):
        await make_batch(store).resume()  # it is out of order still
    assert len(list(folder.iterdir())) == len(rescued)
    store.refuses = lambda _: False
    assert (await make_batch(store).resume()).is_complete
    assert await all_work(client, store.kept)
    assert not folder.exists()
    assert before < len(await client.mgmt.access_key.search_all_access_keys()) == 8


async def test_a_rescued_secret_is_sealed_for_its_recipient(
    make_batch: MakeBatch, client: DescopeClient, memory_store: Any, tmp_path: Path
) -> None:
    pyrage = pytest.importorskip("pyrage")
    identity = pyrage.x25519.Identity.generate()
    store = memory_store(refuses=lambda _: True)
    batch = make_batch(store, concurrency=1, rescue_recipient=str(identity.to_public()))
    with pytest.raises(BatchStopped, match=r"\.json\.age"):
        await batch.create(ITEMS[:1])
    (file,) = (tmp_path / "journal.rescue").iterdir()
    held = json.loads(pyrage.decrypt(file.read_bytes(), [identity]))
    assert (await client.exchange_access_key(held["cleartext"])).key_id == held["id"]

    store.refuses = lambda _: False
    report = await make_batch(store).resume()  # the secret is its recipient's, and stays
    assert not report.is_complete
    await client.exchange_access_key(held["cleartext"])
    file.unlink()
    assert (await make_batch(store).resume()).is_complete  # now the key gets another one
    assert await all_work(client, store.kept)


async def test_a_recipient_that_is_none(make_batch: MakeBatch) -> None:
    pytest.importorskip("pyrage")
    with pytest.raises(ConfigurationError, match="no recipient of age"):
        make_batch(rescue_recipient="me@example.com")


async def test_where_even_the_rescue_file_fails_the_secret_is_handed_out(
    make_batch: MakeBatch, client: DescopeClient, memory_store: Any, tmp_path: Path
) -> None:
    (tmp_path / "journal.rescue").write_text("in the way")
    store = memory_store(refuses=lambda _: True)
    with pytest.raises(BatchStopped, match="the rescue file for K") as stopped:
        await make_batch(store, concurrency=1).create(ITEMS)
    ((key_id, secret),) = stopped.value.unsaved.items()
    assert (await client.exchange_access_key(secret)).key_id == key_id
    assert secret not in f"{stopped.value}{stopped.value!r}"


@pytest.mark.parametrize("make_error", [partial(SecretStoreError, "mine:x"), InvalidArgument])
async def test_what_a_sink_says_of_a_secret_is_written_nowhere(
    make_batch: MakeBatch,
    client: DescopeClient,
    memory_store: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    make_error: Any,
) -> None:
    store, seen = memory_store(), set[str]()

    def refuse(_: str, entry: SecretEntry, **__: bool) -> None:
        seen.add(entry.cleartext)
        raise make_error(f"400: {entry.cleartext} is no password")

    with monkeypatch.context() as broken:
        broken.setattr(store, "put", refuse)
        with pytest.raises(BatchStopped, match=r"the sink raised .*; the secret is in") as stopped:
            await make_batch(store).create(ITEMS[:1])
    (secret,) = seen
    files = [each for each in tmp_path.iterdir() if each.is_file()]
    assert len(files) >= 2  # the journal and the report
    said = [*(each.read_text() for each in files), shown(stopped.value, without=__file__)]
    assert not any(secret in each for each in said)
    assert (await make_batch(store).resume()).is_complete
    assert await all_work(client, store.kept)


async def test_a_sink_that_forgets_is_found_out(
    make_batch: MakeBatch, client: DescopeClient, memory_store: Any
) -> None:
    store = memory_store(forgets=lambda number: number == 3)
    with pytest.raises(BatchStopped, match="does not have the secret of 'machine-2' that it took"):
        await make_batch(store, concurrency=1, prove=True).create(ITEMS)
    report = await make_batch(store, prove=True).resume()
    assert report.is_complete
    assert await all_work(client, store.kept)


async def test_a_second_sink_gets_what_the_first_one_has(
    make_batch: MakeBatch, client: DescopeClient, memory_store: Any, emulator: Emulator
) -> None:
    first, second = memory_store(), memory_store(refuses=lambda number: number >= 2)
    with pytest.raises(BatchStopped):
        await make_batch(first, second, concurrency=1).create(ITEMS)
    second.refuses = lambda _: False
    assert (await make_batch(first, second).resume()).is_complete
    assert first.kept == second.kept
    assert await all_work(client, first.kept)
    assert not emulator.requests.count("access_key.rotate")


async def test_a_slow_sink_is_waited_for(
    make_batch: MakeBatch, client: DescopeClient, memory_store: Any
) -> None:
    def slow(_: int) -> bool:
        time.sleep(0.3)
        return False

    store = memory_store(refuses=slow)
    assert (await make_batch(store).create(ITEMS[:4])).is_complete
    assert await all_work(client, store.kept)


async def test_the_management_key_is_revoked_half_way(
    make_batch: MakeBatch, client: DescopeClient, emulator: Emulator, memory_store: Any
) -> None:
    store = memory_store()
    emulator.faults.add(Fault("status", "access_key.create", status=401, nth=4))
    with pytest.raises(BatchStopped, match="401") as stopped:
        await make_batch(store, concurrency=1).create(ITEMS)
    assert (stopped.value.report.done, stopped.value.report.left) == (3, 5)
    assert (await make_batch(store).resume()).is_complete
    assert await all_work(client, store.kept)


async def test_rights_that_are_taken_away_half_way(
    make_batch: MakeBatch, emulator: Emulator
) -> None:
    emulator.faults.add(Fault("status", "access_key.create", status=403))
    with pytest.raises(BatchStopped, match="10 refusals in a row") as stopped:
        await make_batch(concurrency=1).create([{"name": "a"}] * 30)
    assert stopped.value.report.failed == 10


async def test_a_storm_of_rate_limits(
    make_batch: MakeBatch, client: DescopeClient, emulator: Emulator, memory_store: Any
) -> None:
    store = memory_store()
    emulator.faults.add(Fault("rate_limit", "access_key.create", retry_after=0, every=2))
    emulator.faults.add(Fault("rate_limit", "access_key.create", retry_after=1, nth=5))
    assert (await make_batch(store).create(ITEMS)).is_complete
    assert await all_work(client, store.kept)


UNKNOWN = [
    Fault("close", "access_key.create", commit=True, every=3),
    Fault("close", "access_key.create", every=3),
    Fault("status", "access_key.create", status=502, commit=True, every=3),
    Fault("truncate", "access_key.create", every=3),
    Fault("invalid_json", "access_key.create", every=3),
    Fault("garbage", "access_key.create", commit=True, every=3),
    Fault("stall_body", "access_key.create", seconds=5, nth=3),
    Fault("close", "access_key.rotate", commit=True, nth=1),
    Fault("status", "access_key.search", status=500, nth=1),
]


@pytest.mark.parametrize(
    "fault", UNKNOWN, ids=lambda fault: f"{fault.operation}-{fault.effect}-{fault.commit}"
)
async def test_an_unknown_create_is_settled(
    make_batch: MakeBatch,
    client: DescopeClient,
    emulator: Emulator,
    memory_store: Any,
    report_of: Any,
    fault: Fault,
) -> None:
    store = memory_store()
    emulator.faults.add(fault)
    if fault.operation != "access_key.create":
        emulator.faults.add(Fault("close", "access_key.create", commit=True, nth=3))
    report = await make_batch(store).create(ITEMS)
    assert report.is_complete, report
    assert await all_work(client, store.kept)
    again = [line for line in report_of() if "was lost" in str(line.get("notes"))]
    assert again or not fault.commit
    assert emulator.requests.count("access_key.rotate") >= len(again)


@pytest.mark.parametrize("commit", [True, False])
async def test_an_unknown_rotate_is_settled(
    make_batch: MakeBatch,
    client: DescopeClient,
    emulator: Emulator,
    memory_store: Any,
    existing: Any,
    commit: bool,
) -> None:
    keys, _ = await existing(6)
    store = memory_store()
    emulator.faults.add(Fault("close", "access_key.rotate", commit=commit, every=4))
    assert (await make_batch(store).rotate(keys)).is_complete
    assert await all_work(client, store.kept)


async def test_a_service_that_never_answers_ends_the_run(
    make_batch: MakeBatch, client: DescopeClient, emulator: Emulator, memory_store: Any
) -> None:
    store = memory_store()
    fault = Fault("close", "access_key.create", commit=True)
    emulator.faults.add(fault)
    with pytest.raises(BatchStopped, match="10 calls in a row went without an answer"):
        await make_batch(store).create([{"name": "a"}] * 50)
    emulator.faults.clear()
    assert (await make_batch(store).resume()).is_complete
    assert len(store.kept) == 50
    assert await all_work(client, store.kept)


async def test_a_key_that_is_deleted_meanwhile(
    make_batch: MakeBatch, client: DescopeClient, existing: Any, report_of: Any
) -> None:
    keys, _ = await existing(3)
    await client.mgmt.access_key.delete(keys[1].id)
    report = await make_batch().rotate(keys)
    assert (report.done, report.failed) == (2, 1)
    assert "404" in report_of()[1]["problem"]


async def test_a_key_that_is_rotated_by_somebody_else_meanwhile(
    make_batch: MakeBatch, client: DescopeClient, existing: Any, memory_store: Any
) -> None:
    keys, _ = await existing(1)
    store = memory_store()
    put = store.put

    def interfering(place: str, entry: Any, **options: bool) -> None:
        put(place, entry, **options)
        import anyio.from_thread

        anyio.from_thread.run(client.mgmt.access_key.rotate, keys[0].id)

    store.put = interfering
    report = await make_batch(store, prove=True).rotate(keys)
    assert report.failed == 1
    assert "the service refuses the new secret" in report.failures[0].problem


async def test_a_sink_that_cannot_be_used_is_found_before_the_first_call(
    make_batch: MakeBatch, emulator: Emulator, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SecretStoreError, match=r"Not a directory|File exists"):
        await make_batch(f"file:{tmp_path}/file/{{id}}").create(ITEMS)
    assert not emulator.requests.count()


async def test_a_cancelled_run_stores_what_is_under_way(
    make_batch: MakeBatch, client: DescopeClient, emulator: Emulator, memory_store: Any
) -> None:
    import anyio

    async def cancel_when_asked() -> None:
        while not emulator.requests.count("access_key.create"):  # noqa: ASYNC110 - of another thread
            await anyio.sleep(0.01)
        scope.cancel()

    store = memory_store()
    emulator.faults.add(Fault("delay", "access_key.create", seconds=0.3))
    with anyio.CancelScope() as scope:
        async with anyio.create_task_group() as group:
            group.start_soon(cancel_when_asked)
            await make_batch(store).create([{"name": "a"}] * 40)
    assert scope.cancelled_caught
    emulator.faults.clear()
    assert store.kept
    assert await all_work(client, store.kept)
    assert (await make_batch(store).resume()).is_complete
    assert await all_work(client, store.kept)
    assert not emulator.requests.count("access_key.rotate")


async def test_a_key_that_cannot_be_made_is_given_up(
    make_batch: Callable[..., Batch],
    client: DescopeClient,
    emulator: Emulator,
    report_of: Callable[..., list[dict[str, Any]]],
) -> None:
    emulator.faults.add(Fault("status", "access_key.create", status=400, nth=2))
    report = await make_batch(concurrency=1).create([{"name": name} for name in "abc"])
    assert (report.done, report.failed) == (2, 1)
    report = await make_batch().give_up(["b", "a"])  # a is done, and stays so
    assert report.is_complete
    assert [line["outcome"] for line in report_of()] == ["done", "given up", "done"]
    assert len(await client.mgmt.access_key.search_all_access_keys()) == 2
    assert (await make_batch().resume()).is_complete
