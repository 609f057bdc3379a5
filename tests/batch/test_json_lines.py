"""Many secrets that go to one file of JSON lines at the same time."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import Final

import pytest

from descope_async import DescopeClient, SecretReference
from descope_async.batch import Batch
from descope_async.emulator import Emulator

#: Shows how many secrets reached the disk, and by how many calls of fsync.
_COUNTING: Final = """
import asyncio, os, sys, time
fsync, files = os.fsync, []

def counting(descriptor):
    files.append(os.readlink(f"/proc/self/fd/{descriptor}"))
    time.sleep(0.02)  # a disk that takes its time
    fsync(descriptor)

os.fsync = counting

from descope_async import DescopeClient
from descope_async.batch import Batch

async def run(project, key, base_url, folder):
    sink = f"jsonl:{folder}/keys.jsonl"
    async with DescopeClient(project, key, base_url=base_url) as client:
        batch = Batch(client, f"{folder}/journal", sink, rate=None, concurrency=8)
        await batch.create({"name": f"m-{number}"} for number in range(64))
    print(files.count(f"{folder}/keys.jsonl"))

asyncio.run(run(*sys.argv[1:]))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the script finds open files in /proc")
async def test_secrets_that_wait_together_share_an_fsync(
    emulator: Emulator, tmp_path: Path
) -> None:
    command = [sys.executable, "-c", _COUNTING, emulator.project_id, emulator.management_key]
    command += [emulator.base_url, str(tmp_path)]
    done = await asyncio.to_thread(
        subprocess.run, command, capture_output=True, text=True, check=True, timeout=120
    )
    lines = (tmp_path / "keys.jsonl").read_text().splitlines()
    assert len({json.loads(line)["cleartext"] for line in lines}) == 64
    assert 64 / 8 <= int(done.stdout) < 64 / 2


async def test_runs_on_several_loops_share_a_file(emulator: Emulator, tmp_path: Path) -> None:
    sink = f"jsonl:{tmp_path}/keys.jsonl"

    async def run(number: int) -> None:
        async with DescopeClient(
            emulator.project_id, emulator.management_key, base_url=emulator.base_url
        ) as client:
            batch = Batch(client, tmp_path / f"journal-{number}", sink, rate=None)
            report = await batch.create([{"name": f"m-{number}-{key}"} for key in range(20)])
            assert report.is_complete

    runs = [asyncio.to_thread(asyncio.run, run(number)) for number in range(3)]
    await asyncio.gather(*runs)
    lines = [json.loads(line) for line in (tmp_path / "keys.jsonl").read_text().splitlines()]
    assert len({line["id"] for line in lines}) == 60
    async with DescopeClient(emulator.project_id, base_url=emulator.base_url) as client:
        for line in lines[::6]:
            await client.exchange_access_key(SecretReference.parse(f"{sink}#{line['id']}").read())


@pytest.mark.parametrize("pause", [0.0, 1.5])
async def test_the_thread_ends_and_is_started_again(
    emulator: Emulator, tmp_path: Path, pause: float
) -> None:
    sink, others = f"jsonl:{tmp_path}/keys.jsonl", set(threading.enumerate())
    async with DescopeClient(
        emulator.project_id, emulator.management_key, base_url=emulator.base_url
    ) as client:

        async def wait(_: object) -> None:
            await asyncio.sleep(pause)

        batch = Batch(
            client, tmp_path / "journal", sink, rate=None, concurrency=1, after_stored=wait
        )
        assert (await batch.create([{"name": "a"}, {"name": "b"}])).is_complete
    for _ in range(600):
        new = set(threading.enumerate()) - others
        if not [each for each in new if each.name == "descope-fsync"]:
            return
        await asyncio.sleep(0.1)
    raise AssertionError("a thread goes on")


async def test_fsync_is_called_in_place_where_no_thread_can_be_had(
    client: DescopeClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = threading.Thread.start

    def refuse(thread: threading.Thread) -> None:
        if thread.name == "descope-fsync":
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", refuse)
    batch = Batch(client, tmp_path / "journal", f"jsonl:{tmp_path}/keys.jsonl", rate=None)
    assert (await batch.create({"name": f"m-{number}"} for number in range(20))).is_complete
    lines = (tmp_path / "keys.jsonl").read_text().splitlines()
    assert len({json.loads(line)["cleartext"] for line in lines}) == 20
