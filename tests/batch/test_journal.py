"""Journals that are cut, edited, foreign, in use or cannot be written."""

from __future__ import annotations

import gc
import json
import os
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import pytest

from descope_async import DescopeClient, SecretReference
from descope_async.batch import (
    Batch,
    BatchStopped,
    JournalDamaged,
    JournalError,
    JournalLocked,
    JournalMismatch,
    read_journal,
)
from descope_async.emulator import Emulator, Fault
from tests.unprivileged import unprivileged

from .crashes import SCRIPT

MakeBatch = Callable[..., Batch]
ITEMS = [{"name": f"machine-{number}"} for number in range(6)]


@pytest.fixture
async def stopped(make_batch: MakeBatch, emulator: Emulator, tmp_path: Path) -> Path:
    """The journal of a run that ended after three keys."""
    emulator.faults.add(Fault("status", "access_key.create", status=401, nth=4))
    with pytest.raises(BatchStopped, match="401"):
        await make_batch(concurrency=1).create(ITEMS)
    return tmp_path / "journal"


async def test_a_line_that_was_cut_while_it_was_written(
    make_batch: MakeBatch, client: DescopeClient, stopped: Path
) -> None:
    data = stopped.read_bytes()
    for cut in (1, 10, 30, 200, 400):
        stopped.write_bytes(data[:-cut])
        assert (await make_batch().create(ITEMS)).is_complete
        assert len(await client.mgmt.access_key.search_all_access_keys()) == 6
        data = stopped.read_bytes()


async def test_lines_that_are_lost_at_the_end_make_no_twins(
    make_batch: MakeBatch, client: DescopeClient, stopped: Path
) -> None:
    lines = stopped.read_bytes().splitlines(keepends=True)
    begun = next(index for index, line in enumerate(lines) if b'"begin"' in line)
    stopped.write_bytes(b"".join(lines[: begun + 1]))  # no intent is left
    assert (await make_batch().resume()).is_complete
    assert len(await client.mgmt.access_key.search_all_access_keys()) == 6


@pytest.mark.parametrize("change", [(b"machine-1", b"machine-9"), (b'"k":"made"', b'"k":"done"')])
async def test_an_edited_line(
    make_batch: MakeBatch, emulator: Emulator, stopped: Path, change: tuple[bytes, bytes]
) -> None:
    data = stopped.read_bytes()
    before = emulator.requests.count()
    stopped.write_bytes(data.replace(*change, 1))
    number = data[: data.index(change[0])].count(b"\n") + 1
    with pytest.raises(JournalDamaged, match=f"not as it was written from line {number} on"):
        await make_batch().resume()
    assert emulator.requests.count() == before


async def test_a_missing_line(make_batch: MakeBatch, stopped: Path) -> None:
    lines = stopped.read_bytes().splitlines(keepends=True)
    stopped.write_bytes(b"".join(lines[:9] + lines[10:]))
    with pytest.raises(JournalDamaged, match="from line 10 on"):
        await make_batch().resume()


async def test_a_damaged_journal_is_cut_and_goes_on(
    make_batch: MakeBatch, client: DescopeClient, stopped: Path
) -> None:
    lines = stopped.read_bytes().splitlines(keepends=True)
    number = next(index for index, line in enumerate(lines) if b'"stored"' in line)
    stopped.write_bytes(b"".join(lines[:number]))  # as the error says
    assert (await make_batch().resume()).is_complete
    assert len(await client.mgmt.access_key.search_all_access_keys()) == 6


async def test_another_file_is_left_alone(make_batch: MakeBatch, tmp_path: Path) -> None:
    (tmp_path / "journal").write_text("name,role\nmachine,Backend\n")
    with pytest.raises(JournalMismatch, match="is another file"):
        await make_batch().create(ITEMS)
    assert (tmp_path / "journal").read_text() == "name,role\nmachine,Backend\n"


async def test_another_project(make_batch: MakeBatch, emulator: Emulator, stopped: Path) -> None:
    other = await emulator.create_project()
    async with DescopeClient(
        other.project_id, other.management_key, base_url=emulator.base_url
    ) as client:
        with pytest.raises(JournalMismatch, match=f"not of {other.project_id}"):
            await Batch(client, stopped, "jsonl:x").resume()


async def test_another_version(make_batch: MakeBatch, stopped: Path) -> None:
    stopped.write_bytes(_header_with(stopped, version=2))
    with pytest.raises(JournalMismatch, match="is of version 2; this package reads 1"):
        await make_batch().resume()


async def test_other_keys_or_another_operation(make_batch: MakeBatch, stopped: Path) -> None:
    with pytest.raises(JournalMismatch, match="over other keys"):
        await make_batch().create(ITEMS[:-1])
    with pytest.raises(JournalMismatch, match="operation 'create', not 'delete'"):
        await make_batch().delete(["K2a"])


async def test_no_journal_to_resume(make_batch: MakeBatch, tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="does not exist"):
        await make_batch().resume()
    assert not (tmp_path / "journal").exists()


async def test_two_at_once(make_batch: MakeBatch, stopped: Path) -> None:
    problems: list[BaseException] = []

    async def meanwhile(_: object) -> None:
        with pytest.raises(
            JournalLocked, match=f"in use by process {os.getpid()} of the host"
        ) as e:
            await make_batch().resume()
        problems.append(e.value)

    assert (await make_batch(after_stored=meanwhile).resume()).failed == 0
    assert len(problems) == 3


async def test_a_second_host_is_refused(make_batch: MakeBatch, stopped: Path) -> None:
    lines = stopped.read_bytes().splitlines(keepends=True)
    stopped.write_bytes(b"".join(lines[:-1]))  # as after a kill
    elsewhere = _with_host(stopped, "elsewhere")
    stopped.write_bytes(elsewhere)
    with pytest.raises(JournalLocked, match="of the host elsewhere and never closed"):
        await make_batch().resume()
    assert (await make_batch(takeover=True).resume()).is_complete


async def test_a_journal_that_cannot_be_written(make_batch: MakeBatch, tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="cannot be opened: No such file"):
        await make_batch(journal="nowhere/journal").create(ITEMS)
    (tmp_path / "folder").mkdir()
    with pytest.raises(JournalError, match="cannot be opened: Is a directory"):
        await make_batch(journal="folder").create(ITEMS)
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(JournalError, match="cannot be opened"):
        await make_batch(journal="link").create(ITEMS)


async def test_a_journal_that_may_only_be_read(make_batch: MakeBatch, stopped: Path) -> None:
    stopped.chmod(0o400)
    batch = make_batch()
    with (
        unprivileged(),
        pytest.raises(JournalError, match="cannot be opened: Permission denied"),
    ):
        await batch.resume()
    with (
        unprivileged(),
        pytest.raises(JournalError, match="cannot be opened: Permission denied"),
    ):
        read_journal(stopped)


@pytest.mark.parametrize("sink", ["file:{}/keys/{{id}}.json", "jsonl:{}/keys.jsonl"])
async def test_a_full_disk(
    emulator: Emulator, client: DescopeClient, tmp_path: Path, sink: str
) -> None:
    """What limits the size of files stands for a full disk: writes fail in the middle of a run."""
    items = [{"name": f"machine-{number}"} for number in range(60)]
    orders = {
        "project_id": emulator.project_id,
        "management_key": emulator.management_key,
        "base_url": emulator.base_url,
        "journal": str(tmp_path / "journal"),
        "sinks": [sink.format(tmp_path)],
        "operation": "create",
        "items": items,
        "settle_after": 0.2,
    }

    async def run(**more: Any) -> tuple[int, str]:
        done = await anyio.run_process(
            [sys.executable, str(SCRIPT)], input=json.dumps(orders | more).encode(), check=False
        )
        return done.returncode, done.stdout.decode()

    code, said = await run(largest_file=12_000)
    assert (code, "File too large" in said) == (3, True), said
    code, said = await run()
    assert code == 0, said
    keys = await client.mgmt.access_key.search_all_access_keys()
    assert len(keys) == 60
    for line in (tmp_path / "journal.report.jsonl").read_text().splitlines():
        place = SecretReference.parse(json.loads(line)["references"][0])
        await client.exchange_access_key(place.read())


def _header_with(journal: Path, **changes: Any) -> bytes:
    return _rewritten(journal, lambda line: {**line, **changes} if "journal" in line else line)


def _with_host(journal: Path, host: str) -> bytes:
    return _rewritten(
        journal, lambda line: {**line, "host": host} if line.get("k") == "open" else line
    )


def _rewritten(journal: Path, change: Callable[[dict[str, Any]], dict[str, Any]]) -> bytes:
    """The journal with other lines, and checksums that fit, as another version would write it."""
    checksum, data = 0, b""
    for line in journal.read_text().splitlines():
        record = change(json.loads(line))
        del record["crc"]
        body = json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode()[:-1]
        checksum = zlib.crc32(body, checksum)
        data += body + f',"crc":"{checksum:08x}"}}\n'.encode()
    return data


async def test_a_journal_says_what_has_become_of_the_keys(
    make_batch: MakeBatch, tmp_path: Path, report_of: Any
) -> None:
    journal = tmp_path / "journal"
    with pytest.raises(JournalError, match="does not exist"):
        read_journal(journal)
    await make_batch().create([{"name": "a"}, {"name": "b"}])
    before = journal.read_bytes()
    assert [each.to_dict() for each in read_journal(journal)] == report_of()
    assert journal.read_bytes() == before


async def test_a_pipe_is_no_journal(make_batch: MakeBatch, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "journal", 0o640)
    before = (tmp_path / "journal").stat()
    for work in (make_batch().create(ITEMS), make_batch().resume()):
        with pytest.raises(JournalError, match="journal cannot be opened: it is no regular file"):
            await work
    with pytest.raises(JournalError, match="it is no regular file"):
        list(read_journal(tmp_path / "journal"))
    assert (tmp_path / "journal").stat() == before


async def test_a_report_may_go_to_a_pipe(make_batch: MakeBatch, tmp_path: Path) -> None:
    pipe, link = tmp_path / "pipe", tmp_path / "link"
    os.mkfifo(pipe)
    link.symlink_to(pipe)
    for number, path in enumerate((pipe, link)):
        reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
        report = await make_batch(journal=str(number), report=path).create([{"name": "a"}])
        assert report.is_complete
        assert json.loads(os.read(reader, 4096))["outcome"] == "done"
        os.close(reader)
    assert (pipe.is_fifo(), link.is_symlink()) == (True, True)


async def test_a_pipe_that_nobody_reads_is_no_report(make_batch: MakeBatch, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(BatchStopped, match=r"the report .*pipe cannot be written") as caught:
        await make_batch(report=tmp_path / "pipe").create([{"name": "a"}])
    assert caught.value.report.is_complete
    assert (tmp_path / "pipe").is_fifo()
    del caught
    gc.collect()  # in which Python closes also what could not be opened


async def test_a_pipe_that_is_read_no_longer_holds_up_no_run(
    make_batch: MakeBatch, tmp_path: Path
) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    while True:  # it is full but for less than a page
        writer = os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
        try:
            os.write(writer, b"x" * 4096)
        except BlockingIOError:
            break
        finally:
            os.close(writer)
    keys = [{"name": f"m-{number}"} for number in range(30)]
    with pytest.raises(BatchStopped, match=r"pipe cannot be written: nobody reads") as caught:
        await make_batch(report=pipe).create(keys)
    assert caught.value.report.is_complete
    os.close(reader)
