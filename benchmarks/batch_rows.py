"""Batch work beside a bare loop that does the same calls and writes each secret down."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from attrs import frozen

from descope_async import DescopeClient
from descope_async.batch import Batch
from descope_async.batch._journal import Journal  # a resume begins with nothing else

from .bars import Line, line
from .floors import created_keys, journal
from .rounds import Setting, in_rounds

_WORKERS: Final = 4
_CREATES: Final = 5_000
_LINES_PER_KEY: Final = 5
_JOURNAL_LINES: Final = 100_000
#: Keys whose memory is measured.
_FEW, _MANY = 1_000, 100_000
#: An emulator in a process of its own, which prints where it is.
_SERVICE: Final = """
import asyncio
from descope_async.emulator import Emulator

async def serve():
    async with Emulator(signing_algorithm="ES256") as emulator:
        print(emulator.project_id, emulator.management_key, emulator.base_url, flush=True)
        await asyncio.Event().wait()

asyncio.run(serve())
"""


@frozen
class Account:
    """A local Descope.

    Attributes:
        project_id: Its project.
        management_key: The key for it.
        base_url: Where it is.
    """

    project_id: str
    management_key: str
    base_url: str

    def client(self) -> DescopeClient:
        """A client of it."""
        return DescopeClient(self.project_id, self.management_key, base_url=self.base_url)


def batch(setting: Setting) -> list[Line]:
    """Many keys created, and a long journal read."""
    count = 40 if setting.is_quick else _CREATES
    lines = 200 if setting.is_quick else _JOURNAL_LINES
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        return [
            line(
                f"{count:,} keys created and stored",
                _creates(setting, folder, count),
                floor="bare loop, one fsync a key",
                times_floor=1.15,
            ),
            line(
                f"a journal of {lines:,} lines read to go on",
                _readings(setting, folder, lines),
                floor="read as JSON lines",
                times_floor=3,
            ),
        ]


def batch_memory(setting: Setting) -> list[Line]:
    """The memory of a process that creates very many keys, which takes minutes."""
    few, many = (40, 400) if setting.is_quick else (_FEW, _MANY)
    with tempfile.TemporaryDirectory() as folder:
        return [_memory(Path(folder), few, many)]


def _creates(setting: Setting, folder: Path, count: int) -> dict[str, list[float]]:
    contenders = {"ours": _ours, "floor": _bare}
    taken: dict[str, list[float]] = {who: [] for who in contenders}
    for number, order in enumerate(setting.orders(contenders)):
        for who in order:
            place = folder / f"{who}-{number}"
            place.mkdir()
            with _service() as account:  # a fresh one for each, since it gets slower as it fills
                taken[who].append(asyncio.run(contenders[who](account, place, count)))
    return taken


async def _ours(account: Account, folder: Path, count: int) -> float:
    async with account.client() as client:
        start = time.perf_counter()
        work = Batch(
            client,
            folder / "journal",
            f"jsonl:{folder}/secrets.jsonl",
            rate=None,
            concurrency=_WORKERS,
        )
        report = await work.create({"name": f"machine-{number}"} for number in range(count))
        taken = time.perf_counter() - start
    assert report.is_complete
    return taken


async def _bare(account: Account, folder: Path, count: int) -> float:
    async with account.client() as client:
        return await created_keys.create(client, folder / "secrets", count, _WORKERS)


def _readings(setting: Setting, folder: Path, lines: int) -> dict[str, list[float]]:
    path = folder / "long.journal"
    _write_journal(path, lines // _LINES_PER_KEY)
    contenders = {"ours": _open, "floor": journal.read}
    return in_rounds(setting, contenders, lambda who: contenders[who](path))


def _open(path: Path) -> float:
    start = time.perf_counter()
    opened = Journal.open(path, lambda: 0.0)
    taken = time.perf_counter() - start
    opened.close()
    return taken


def _write_journal(path: Path, keys: int) -> None:
    written = Journal.open(path, lambda: 0.0)
    written.start({"project": "P2benchmark", "base_url": "", "operation": "create", "options": {}})
    written.plan(
        {"k": "plan", "i": number, "label": f"m-{number}", "key": {"name": f"m-{number}"}}
        for number in range(keys)
    )
    written.begin()
    for number in range(keys):
        about = {"i": number, "id": f"K2{number:026d}", "fp": "0" * 16}
        stored = {**about, "refs": [f"file:/etc/keys/K2{number:026d}.json"]}
        written.note(
            {"k": "intent", "i": number},
            {"k": "made", **about},
            {"k": "stored", **stored},
            {"k": "done", **stored},
        )
    written.close()


def _memory(folder: Path, few: int, many: int) -> Line:
    """The peak of a process that creates many keys, beside one that creates few."""
    with _service() as account:
        few_bytes, many_bytes = (_peak(account, folder, count) for count in (few, many))
    samples = {"ours": [many_bytes], "floor": [few_bytes]}
    title = f"peak memory of {many:,} keys created"
    return line(title, samples, floor=f"{few:,} keys", times_floor=1.15, unit="bytes")


def _peak(account: Account, folder: Path, count: int) -> float:
    command = [sys.executable, "-m", __name__, account.project_id, account.management_key]
    command += [account.base_url, str(folder / f"peak-{count}"), str(count)]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


@contextmanager
def _service() -> Generator[Account]:
    with subprocess.Popen(
        [sys.executable, "-c", _SERVICE], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        try:
            yield Account(*process.stdout.readline().split())
        finally:
            process.kill()


def _create_and_show_peak() -> None:
    *account, folder, count = sys.argv[1:]
    Path(folder).mkdir()
    asyncio.run(_ours(Account(*account), Path(folder), int(count)))
    # Not getrusage's maximum: a process begins with that of the one that started it.
    status = Path("/proc/self/status").read_text()
    print(next(int(line.split()[1]) * 1024 for line in status.splitlines() if "VmHWM" in line))


if __name__ == "__main__":
    _create_and_show_peak()
