"""Keys are created, and each secret is where it is to be."""

from __future__ import annotations

import json
import stat
import sys
from asyncio import CancelledError
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from descope_async import ConfigurationError, DescopeClient, InvalidArgument
from descope_async.batch import Batch, BatchStopped, NewKey, Progress, SecretStoreError, StoredKey
from descope_async.emulator import Emulator, Fault
from descope_async.secret_stores import open_store, read_secret

MakeBatch = Callable[..., Batch]


async def secrets_work(client: DescopeClient, report: list[dict[str, Any]]) -> bool:
    for line in report:
        for place in line["references"]:
            token = await client.exchange_access_key(read_secret(place))
            assert token.key_id == line["key_id"]
    return True


async def test_every_secret_is_in_its_sink(
    make_batch: MakeBatch, client: DescopeClient, report_of: Any
) -> None:
    report = await make_batch().create({"name": f"machine-{n}"} for n in range(20))
    assert report.is_complete
    assert (report.total, report.done, report.failed) == (20, 20, 0)
    lines = report_of()
    assert [line["label"] for line in lines] == [f"machine-{n}" for n in range(20)]
    assert await secrets_work(client, lines)


async def test_the_same_call_again_does_nothing(
    make_batch: MakeBatch, client: DescopeClient, emulator: Emulator
) -> None:
    items = [{"name": f"machine-{n}"} for n in range(5)]
    await make_batch().create(items)
    before = emulator.requests.count("access_key.create")
    assert (await make_batch().create(items)).is_complete
    assert (await make_batch().resume()).is_complete
    assert emulator.requests.count("access_key.create") == before == 5


async def test_all_that_a_key_can_have_arrives(
    make_batch: MakeBatch, client: DescopeClient, report_of: Any
) -> None:
    await make_batch().create(
        [
            NewKey(
                "one",
                expire_time=2_000_000_000,
                key_tenants=[{"tenant_id": "t1", "role_names": ["Admin"]}],
                custom_claims={"a": [1, "ü"]},
                description="for a test",
                permitted_ips=["127.0.0.1"],
                label="first",
            )
        ]
    )
    (line,) = report_of()
    key = await client.mgmt.access_key.load(line["key_id"])
    assert line["label"] == "first"
    assert key.expire_time == 2_000_000_000
    assert key.key_tenants[0].role_names == ("Admin",)
    assert list(key.custom_claims["a"]) == [1, "ü"]
    assert key.description.startswith("for a test op:")
    assert key.permitted_ips == ("127.0.0.1",)


async def test_two_sinks_have_every_secret(
    make_batch: MakeBatch, client: DescopeClient, tmp_path: Path, report_of: Any
) -> None:
    batch = make_batch(f"file:{tmp_path}/a/{{label}}", f"jsonl:{tmp_path}/b.jsonl")
    await batch.create({"name": f"machine-{n}"} for n in range(3))
    lines = report_of()
    assert all(len(line["references"]) == 2 for line in lines)
    assert await secrets_work(client, lines)


async def test_the_same_name_fifty_times(make_batch: MakeBatch, client: DescopeClient) -> None:
    report = await make_batch().create([{"name": "twin"}] * 50)
    assert report.is_complete
    assert len(await client.mgmt.access_key.search_all_access_keys()) == 50


@pytest.mark.parametrize(
    "labels",
    [["a", "a"], ["Machine", "machine"], ["x" * 10_000, "x" * 10_000]],
)
async def test_keys_that_would_share_a_place_are_refused(
    make_batch: MakeBatch, emulator: Emulator, tmp_path: Path, labels: list[str]
) -> None:
    batch = make_batch(f"file:{tmp_path}/keys/{{label}}.json")
    with pytest.raises(InvalidArgument, match=r"items 0 and 1 \(.*\) would share") as refused:
        await batch.create({"name": label} for label in labels)
    assert f"({labels[0][:60]!r} and {labels[1][:60]!r})" in str(refused.value)
    assert not emulator.requests.count("access_key.create")
    assert not (tmp_path / "journal").exists()


async def test_two_of_very_many_keys_would_share_a_place(
    make_batch: MakeBatch, emulator: Emulator, tmp_path: Path
) -> None:
    labels = [*(f"machine-{number}" for number in range(20_000)), "MACHINE-0"]
    batch = make_batch(f"file:{tmp_path}/keys/{{label}}.json")
    with pytest.raises(InvalidArgument, match=r"items 0 and 20000 \('machine-0' and 'MACHINE-0'\)"):
        await batch.create({"name": label} for label in labels)
    assert not emulator.requests.count("access_key.create")


async def test_odd_names_become_file_names(
    make_batch: MakeBatch, client: DescopeClient, tmp_path: Path, report_of: Any
) -> None:
    names = ["../../etc/passwd", "a/b", "a-b", "..", ".hidden", "x" * 10_000, "ü", "-rf", "a\\b"]
    batch = make_batch(f"file:{tmp_path}/keys/{{label}}.json")
    assert (await batch.create({"name": name} for name in names)).is_complete
    places = [Path(line["references"][0].removeprefix("file:")) for line in report_of()]
    assert all(place.parent == tmp_path / "keys" for place in places)
    assert len({str(place).casefold() for place in places}) == len(names)
    assert await secrets_work(client, report_of())


@pytest.mark.parametrize(
    ("item", "problem"),
    [
        ({"name": "a\nb"}, r"items\[1\].name holds a control character"),
        ({"name": ""}, r"items\[1\].name is empty|items\[1\].label is empty"),
        ({}, r"items\[1\].*name"),
        ({"name": "a", "expires": 3}, r"items\[1\] has no field 'expires'"),
        ({"name": "a", "role_names": "Admin"}, r"items\[1\].role_names must be a list"),
        ("a", r"items\[1\] must be NewKey or a mapping, not str"),
    ],
)
async def test_an_item_that_cannot_be_right_is_named(
    make_batch: MakeBatch, emulator: Emulator, tmp_path: Path, item: Any, problem: str
) -> None:
    with pytest.raises(InvalidArgument, match=problem):
        await make_batch().create([{"name": "fine"}, item])
    assert not emulator.requests.count("access_key.create")
    assert not (tmp_path / "journal").exists()


async def test_what_lies_at_a_place_is_not_overwritten(
    make_batch: MakeBatch, emulator: Emulator, tmp_path: Path
) -> None:
    (tmp_path / "keys").mkdir(mode=0o700)
    (tmp_path / "keys" / "machine").write_text("an older secret")
    with pytest.raises(SecretStoreError, match="there is something already"):
        await make_batch(f"file:{tmp_path}/keys/{{label}}").create([{"name": "machine"}])
    assert (tmp_path / "keys" / "machine").read_text() == "an older secret"
    assert not emulator.requests.count("access_key.create")


async def test_secrets_need_a_sink(client: DescopeClient, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="sinks is empty"):
        await Batch(client, tmp_path / "journal").create([{"name": "a"}])


@pytest.mark.parametrize("status", [401, 403])
async def test_the_management_key_is_tried_first(
    make_batch: MakeBatch, emulator: Emulator, status: int
) -> None:
    emulator.faults.add(Fault("status", "access_key.deactivate", status=status))
    with pytest.raises(ConfigurationError, match="may not change access keys"):
        await make_batch().create([{"name": "a"}])
    assert not emulator.requests.count("access_key.create")


async def test_one_key_that_cannot_be_made_is_reported(
    make_batch: MakeBatch, client: DescopeClient, emulator: Emulator, report_of: Any
) -> None:
    emulator.faults.add(Fault("status", "access_key.create", status=400, nth=3))
    report = await make_batch(concurrency=1).create({"name": f"machine-{n}"} for n in range(5))
    assert (report.done, report.failed) == (4, 1)
    assert [each.label for each in report.failures] == ["machine-2"]
    assert "400" in report.failures[0].problem
    assert report_of()[2]["outcome"] == "failed"
    assert (await make_batch().resume()).is_complete  # which tries again
    assert len(await client.mgmt.access_key.search_all_access_keys()) == 5


async def test_canaries_are_proved_before_the_rest_begins(
    make_batch: MakeBatch, emulator: Emulator, client: DescopeClient
) -> None:
    emulator.faults.add(Fault("status", "exchange", status=401, times=1))
    with pytest.raises(BatchStopped, match="the canary 'machine-0' is not proved") as stopped:
        await make_batch(canary=2, concurrency=1).create({"name": f"machine-{n}"} for n in range(9))
    assert stopped.value.report.left == 7
    assert len(await client.mgmt.access_key.search_all_access_keys()) == 2
    assert (await make_batch(canary=2).resume()).is_complete
    assert len(await client.mgmt.access_key.search_all_access_keys()) == 9


async def test_what_comes_after_is_told_of_each_stored_key(
    make_batch: MakeBatch, tmp_path: Path
) -> None:
    stored: list[StoredKey] = []
    told: list[Progress] = []
    batch = make_batch(after_stored=stored.append, progress=told.append)
    report = await batch.create({"name": f"machine-{n}"} for n in range(10))
    assert report.failed == 0
    assert sorted(each.label for each in stored) == [f"machine-{n}" for n in range(10)]
    assert all(read_secret(each.references[0]) for each in stored)
    assert (told[-1].total, told[-1].done, told[-1].failed) == (10, 10, 0)
    assert told[-1].rate > 0
    assert told[-1].seconds_left == 0


async def test_what_comes_after_may_be_awaited_however_it_is_written(
    make_batch: MakeBatch,
) -> None:
    stored: list[str] = []

    class Announcer:
        async def __call__(self, key: StoredKey) -> None:
            stored.append(key.label)

    announce = Announcer()
    for number, hook in enumerate([announce, announce.__call__, lambda key: announce(key)]):  # noqa: PLW0108 - no coroutine function itself
        batch = make_batch(journal=f"journal{number}", after_stored=hook)
        assert (await batch.create([{"name": f"a{number}"}])).is_complete
        assert stored == [f"a{each}" for each in range(number + 1)]


async def test_a_hook_that_fails_is_reported(make_batch: MakeBatch) -> None:
    async def fail(stored: StoredKey) -> None:
        raise OSError("no such service")

    report = await make_batch(after_stored=fail).create([{"name": "a"}])
    assert report.is_complete
    assert report.failures[0].problem == "OSError: no such service"


@pytest.mark.parametrize("where", ["after_stored", "awaited after_stored", "progress"])
async def test_a_program_may_end_itself_in_what_the_run_calls(
    make_batch: MakeBatch, client: DescopeClient, report_of: Any, where: str
) -> None:
    def leave(_: object) -> None:
        sys.exit(7)

    async def leave_later(_: object) -> None:
        sys.exit(7)

    hook = leave_later if where.startswith("awaited") else leave
    with pytest.raises(SystemExit) as caught:
        await make_batch(**{where.rpartition(" ")[2]: hook}).create(
            {"name": f"m-{n}"} for n in range(20)
        )
    assert caught.value.code == 7
    outcomes = [line["outcome"] for line in report_of()]
    assert len(await client.mgmt.access_key.search_all_access_keys()) < 20
    assert set(outcomes) <= {"done", "stored", "not done"}

    told: list[StoredKey] = []
    report = await make_batch(after_stored=told.append).resume()
    assert report.is_complete
    assert len(told) >= 20 - outcomes.count("done")
    assert await secrets_work(client, report_of())


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt, CancelledError])
async def test_a_sink_that_ends_the_program_is_a_sink_that_fails(
    make_batch: MakeBatch, tmp_path: Path, error: type[BaseException]
) -> None:
    sink = open_store(f"file:{tmp_path}/keys/{{id}}.json")

    class Leaving:
        def __getattr__(self, name: str) -> Any:
            return getattr(sink, name)

        def put(self, *_: object, **__: object) -> None:
            raise error

    with pytest.raises(BatchStopped, match=f"the sink raised {error.__name__}") as caught:
        await make_batch(Leaving()).create({"name": f"m-{n}"} for n in range(20))
    rescued = [each for each in caught.value.report.failures if each.outcome == "rescued"]
    assert rescued
    assert (await make_batch().resume()).is_complete


async def test_a_hook_whose_work_is_cancelled_is_reported(make_batch: MakeBatch) -> None:
    async def wait(stored: StoredKey) -> None:
        raise CancelledError

    report = await make_batch(after_stored=wait).create({"name": f"m-{n}"} for n in range(20))
    assert report.is_complete
    assert len(report.failures) == 20


async def test_a_hook_that_is_a_generator_is_reported(make_batch: MakeBatch) -> None:
    def announce(stored: StoredKey) -> Iterator[str]:
        yield stored.label

    report = await make_batch(after_stored=announce).create([{"name": "a"}])
    assert report.failures[0].problem == (
        "TypeError: it returned a generator, and nothing of that has run"
    )


async def test_no_secret_is_anywhere_but_in_the_sink(
    make_batch: MakeBatch, tmp_path: Path, report_of: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    batch = make_batch(prove=True)
    report = await batch.create({"name": f"machine-{n}"} for n in range(3))
    secrets = [read_secret(line["references"][0]) for line in report_of()]
    journal = tmp_path / "journal"
    shown = f"{journal.read_text()}{report_of()}{report!r}{report}{caplog.text}{vars(batch)}"
    assert not any(secret in shown for secret in secrets)
    for path in (journal, tmp_path / "journal.report.jsonl", *(tmp_path / "keys").iterdir()):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path


async def test_a_token_source_opens_what_was_stored(
    make_batch: MakeBatch, client: DescopeClient, report_of: Any
) -> None:
    await make_batch().create([{"name": "a"}])
    (line,) = report_of()
    source = client.token_source(lambda: read_secret(line["references"][0]))
    assert (await client.validate_session(await source.token())).key_id == line["key_id"]


async def test_nothing_to_do_is_done(make_batch: MakeBatch) -> None:
    report = await make_batch().create([])
    assert report.is_complete
    assert str(report).startswith("create: 0 of 0 done")


async def test_the_journal_holds_the_plan(make_batch: MakeBatch, tmp_path: Path) -> None:
    await make_batch().create([{"name": "a"}])
    lines = [json.loads(line) for line in (tmp_path / "journal").read_text().splitlines()]
    kinds = [line.get("k", "header") for line in lines]
    assert kinds == ["header", "open", "plan", "begin", "intent", "made", "stored", "done", "close"]


async def test_sinks_are_examined_before_a_run(
    make_batch: MakeBatch, emulator: Emulator, tmp_path: Path
) -> None:
    items = [{"name": "a", "label": "one"}, {"name": "b", "label": "two"}]
    shared = make_batch(f"file:{tmp_path}/keys/all.json")
    emulator.requests.clear()
    with pytest.raises(InvalidArgument, match="would share the place"):
        await shared.examine("create", iter(items))
    with pytest.raises(InvalidArgument, match="would share the place"):
        await shared.examine("rotate", ["K2one", "K2two"])
    with pytest.raises(InvalidArgument, match="would share the place"):
        await shared.examine("replace", [{"id": "K2one"}, {"id": "K2two"}])
    unknowns: list[Any] = ["delete", ["K2one"]]
    for unknown in unknowns:
        with pytest.raises(InvalidArgument, match="operation must be one of create, rotate"):
            await shared.examine(unknown, ["K2one"])
    with pytest.raises(SecretStoreError, match="there is no program"):
        await make_batch("exec:no-such-program-here").examine("create", items)
    await make_batch().examine("create", iter(items))
    assert list(emulator.requests) == []
    assert not (tmp_path / "journal").exists()
