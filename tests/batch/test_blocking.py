"""The blocking twin does the same."""

from __future__ import annotations

import json
import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from descope_async.emulator import Fault
from descope_async.secret_stores import SecretStoreError, read_secret
from descope_async.testing import EmulatorClock
from descope_sync import DescopeClient, InvalidArgument
from descope_sync.batch import Batch, BatchStopped, Progress, StoredKey
from descope_sync.emulator import Emulator

from .crashes import Crashes, begun, started

ITEMS = [{"name": f"machine-{number}"} for number in range(60)]


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator(signing_algorithm="ES256") as emulator:
        yield emulator


@pytest.fixture
def client(emulator: Emulator) -> Iterator[DescopeClient]:
    with DescopeClient(
        emulator.project_id,
        emulator.management_key,
        base_url=emulator.base_url,
        clock=EmulatorClock(emulator.clock),
    ) as client:
        yield client


def test_keys_are_created_rotated_replaced_and_deleted(
    client: DescopeClient, emulator: Emulator, tmp_path: Path
) -> None:
    stored: list[StoredKey] = []
    told: list[Progress] = []
    sink = f"file:{tmp_path}/keys/{{id}}.json"
    batch = Batch(
        client, tmp_path / "create", sink, after_stored=stored.append, progress=told.append
    )
    report = batch.create(ITEMS[:9])  # at the default rate, which takes no time on this clock
    assert report.is_complete
    assert len(stored) == 9
    assert told[-1].done == 9
    for each in stored:
        token = client.exchange_access_key(read_secret(each.references[0]))
        assert token.key_id == each.key_id

    keys = client.mgmt.access_key.search_all_access_keys()
    assert Batch(client, tmp_path / "rotate", sink, prove=True).rotate(keys).is_complete
    batch = Batch(client, tmp_path / "replace", sink)
    assert batch.replace(keys, 2_000_000_000, grace=86_400).waiting == 9
    emulator.clock.advance(86_401)
    assert batch.resume().waiting == 9
    assert {client.mgmt.access_key.load(key.id).status for key in keys} == {"inactive"}
    emulator.clock.advance(7 * 86_400)
    assert batch.resume().is_complete
    left = client.mgmt.access_key.search_all_access_keys()
    assert len(left) == 9
    assert {key.id for key in keys}.isdisjoint({key.id for key in left})
    assert Batch(client, tmp_path / "delete").delete(left).is_complete
    assert client.mgmt.access_key.search_all_access_keys() == []


def test_an_unknown_create_is_settled_in_no_time(
    client: DescopeClient, emulator: Emulator, tmp_path: Path
) -> None:
    emulator.faults.add(Fault("close", "access_key.create", commit=True, nth=2))
    emulator.faults.add(Fault("close", "access_key.create", nth=4))
    began = time.monotonic()
    batch = Batch(client, tmp_path / "journal", f"jsonl:{tmp_path}/keys.jsonl")
    assert batch.create(ITEMS[:6]).is_complete
    assert time.monotonic() - began < 30
    assert len(client.mgmt.access_key.search_all_access_keys()) == 6


def test_a_run_that_stops_says_so(
    client: DescopeClient, emulator: Emulator, tmp_path: Path
) -> None:
    emulator.faults.add(Fault("status", "access_key.create", status=401, nth=3))
    batch = Batch(client, tmp_path / "journal", f"jsonl:{tmp_path}/keys.jsonl", concurrency=1)
    with pytest.raises(BatchStopped, match="401") as stopped:
        batch.create(ITEMS[:6])
    assert (stopped.value.report.done, stopped.value.report.left) == (2, 4)
    assert batch.resume().is_complete


def test_a_clock_that_is_set_back_only_lets_the_old_key_live_longer(
    client: DescopeClient, emulator: Emulator, tmp_path: Path
) -> None:
    key = client.mgmt.access_key.create("billing").key
    batch = Batch(client, tmp_path / "journal", f"file:{tmp_path}/keys/{{id}}.json")
    assert batch.replace([key], 2_000_000_000, grace=3600).waiting == 1
    emulator.clock.move_to(emulator.clock.now() - 86_400, backwards=True)
    assert batch.resume().waiting == 1
    assert client.mgmt.access_key.load(key.id).status == "active"
    emulator.clock.advance(86_400 + 3601)
    assert batch.resume().waiting == 1
    assert client.mgmt.access_key.load(key.id).status == "inactive"


def test_something_else_than_a_client_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match="client must be a DescopeClient, not str"):
        Batch("client", tmp_path / "journal")  # type: ignore[arg-type]


@pytest.mark.parametrize("given", ["", "a\0b", b"bytes", 5, 0])
def test_what_names_no_file_is_refused(client: DescopeClient, tmp_path: Path, given: Any) -> None:
    with pytest.raises(InvalidArgument, match="journal must be the path of a file"):
        Batch(client, given)
    with pytest.raises(InvalidArgument, match="report must be the path of a file"):
        Batch(client, tmp_path / "journal", report=given)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("times", [2, 3])
def test_more_signals_lose_nothing_for_good(
    emulator: Emulator, tmp_path: Path, number: signal.Signals, times: int
) -> None:
    crashes = Crashes(emulator, tmp_path, random.Random(0))  # noqa: S311 - draws nothing
    emulator.faults.add(Fault("delay", "access_key.create", seconds=1.5, nth=12))
    orders = crashes.orders("work", "create", ITEMS, blocking=True)
    with started(orders) as process:
        begun(Path(orders["journal"]), process)
        for _ in range(times):
            process.send_signal(number)
            time.sleep(0.2)
        process.communicate(timeout=120)
    assert process.returncode in (130, -number, 1), process.returncode
    emulator.faults.clear()
    crashes.carry_out(orders, 0, 0)
    crashes.reckon(orders)
    assert not crashes.problems


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_lets_secrets_arrive(
    emulator: Emulator, tmp_path: Path, number: signal.Signals
) -> None:
    crashes = Crashes(emulator, tmp_path, random.Random(0))  # noqa: S311 - draws nothing
    emulator.faults.add(Fault("delay", "access_key.create", seconds=0.4))
    orders = crashes.orders("work", "create", ITEMS, blocking=True)
    journal = Path(orders["journal"])
    with started(orders) as process:
        begun(journal, process)
        process.send_signal(number)
        process.communicate(timeout=120)
    assert process.returncode == 130
    kinds = [json.loads(line).get("k") for line in journal.read_text().splitlines()]
    made = emulator.requests.count("access_key.create")
    assert made == kinds.count("made") == kinds.count("stored") < len(ITEMS)

    emulator.faults.clear()
    crashes.carry_out(orders, 0, 0)
    crashes.reckon(orders)
    assert not crashes.problems
    assert not emulator.requests.count("access_key.rotate")


@pytest.mark.parametrize("report", ["journal", "folder/../journal", "link/journal"])
def test_journal_and_report_are_two_files(
    client: DescopeClient, tmp_path: Path, report: str
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to(tmp_path)
    with pytest.raises(InvalidArgument, match="two files"):
        Batch(client, tmp_path / "journal", report=tmp_path / report)
    with pytest.raises(InvalidArgument, match="two files"):
        Batch(client, tmp_path / ".r.draft", report=tmp_path / report.replace("journal", "r"))


@pytest.mark.parametrize(
    "other", ["jsonl:./secrets", "dotenv:folder/../secrets#{id}", "file:secrets"]
)
def test_sinks_of_two_kinds_do_not_share_a_file(
    client: DescopeClient,
    emulator: Emulator,
    other: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    first = "dotenv:secrets#X_{id}" if other.startswith("jsonl") else "jsonl:secrets"
    with pytest.raises(SecretStoreError, match="it would share its file with"):
        Batch(client, "journal", [first, other]).create([{"name": "n"}])
    assert not emulator.requests.count("access_key.create")


@pytest.mark.parametrize(
    ("sink", "report"),
    [
        ("jsonl:journal", "report"),
        ("jsonl:journal", "folder/journal"),
        ("jsonl:folder/../report", "report"),
        ("dotenv:report#KEY", "report"),
        ("file:{label}", "report"),
        ("file:folder/../{label}", "report"),
        ("jsonl:.report.draft", "report"),
        ("file:journal.rescue/{id}.json", "report"),
        ("dotenv:folder/../journal.rescue/env#{id}", "report"),
    ],
)
def test_no_secret_goes_where_the_run_writes(
    client: DescopeClient,
    emulator: Emulator,
    sink: str,
    report: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    key = {"name": "n", "label": "report"}
    batch = Batch(client, "journal", sink, report=report)
    with pytest.raises(SecretStoreError, match="the run itself writes that file"):
        batch.examine("create", [key])
    with pytest.raises(SecretStoreError, match="the run itself writes that file"):
        batch.create([key])
    assert not emulator.requests.count("access_key.create")
