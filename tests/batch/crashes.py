"""Batch work that is killed at random moments, and a reckoning at the end.

``python -m tests.batch.campaign`` does it at length.
"""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from attrs import define, field

from descope_async import ApiError, SecretReference
from descope_async.emulator import Fault
from descope_async.secret_stores import SecretStoreError
from descope_sync import DescopeClient
from descope_sync.emulator import Emulator

ROOT: Final = Path(__file__).parents[2]
SCRIPT: Final = Path(__file__).parent / "scripts" / "work.py"

#: How work ends that was not killed: complete, stopped, or with keys that are left.
_ENDS: Final = (0, 3, 4)

#: The probability, each time it is looked, of waiting on for the journal to be opened.
_AT_WORK: Final = 0.998

#: What goes wrong at the service, each by itself with its probability.
FAULTS: Final = (
    Fault("close", commit=True, probability=0.01),
    Fault("close", probability=0.01),
    Fault("reset", commit=True, probability=0.01),
    Fault("status", status=502, commit=True, probability=0.01),
    Fault("status", status=521, probability=0.01),
    Fault("status", status=503, retry_after=0, commit=True, probability=0.01),
    Fault("stall_body", seconds=20, probability=0.002),
    Fault("truncate", probability=0.01),
    Fault("garbage", commit=True, probability=0.005),
    Fault("invalid_json", probability=0.01),
    Fault("delay", seconds=0.2, probability=0.02),
    Fault("rate_limit", retry_after=1, probability=0.002),
)


@define
class Crashes:
    """Runs that are killed.

    Attributes:
        emulator: The service, which is not killed.
        folder: Where everything is kept.
        draw: What is random is drawn with it.
        in_one_file: Whether all secrets of a run go to one file of JSON lines.
        states: The kind of the journal's last line at each kill.
        problems: What must not have been.
    """

    emulator: Emulator
    folder: Path
    draw: random.Random
    in_one_file: bool = False
    states: Counter[str] = field(factory=Counter[str])
    problems: list[str] = field(factory=list[str])

    @property
    def kills(self) -> int:
        return self.states.total()

    def orders(self, name: str, operation: str, items: Any, **more: Any) -> dict[str, Any]:
        return {
            "project_id": self.emulator.project_id,
            "management_key": self.emulator.management_key,
            "base_url": self.emulator.base_url,
            "journal": str(self.folder / f"{name}.journal"),
            "sinks": [
                f"jsonl:{self.folder}/{name}.jsonl"
                if self.in_one_file
                else f"file:{self.folder}/{name}/{{id}}.json"
            ],
            "operation": operation,
            "items": items,
            "settle_after": 0.5,
            **more,
        }

    def carry_out(self, orders: dict[str, Any], kills: int, longest: float) -> None:
        """Run it and kill it as often as told, unless it ends before, and then let it end.

        Most kills come after it has opened its journal, up to so many seconds later.
        """
        journal = Path(orders["journal"])
        for _ in range(kills):
            size = journal.stat().st_size if journal.exists() else 0
            with started(orders) as process:
                while self.draw.random() < _AT_WORK and process.poll() is None:
                    if journal.exists() and journal.stat().st_size > size:
                        break
                    time.sleep(0.01)
                try:
                    process.wait(self.draw.uniform(0, longest))
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
                    self.states[last_kind(Path(orders["journal"]))] += 1
                else:
                    if process.returncode == 0:
                        return
        for _ in range(20):
            with started(orders) as process:
                said, _ = process.communicate(timeout=120)
            if process.returncode == 0:
                return
        self.problems.append(f"it does not end: {said}")

    def die(self, orders: dict[str, Any], number: int) -> None:
        """Run it until the journal has so many lines of the kind that it is to die at."""
        with started(orders | {"die_after": number}) as process:
            said, _ = process.communicate(timeout=120)
        if process.returncode == -signal.SIGKILL:
            self.states[orders["die_at"]] += 1
        elif process.returncode not in _ENDS:
            self.problems.append(f"it ends with {process.returncode}: {said}")

    def run(self, orders: dict[str, Any]) -> None:
        """Run it as far as it goes now."""
        with started(orders) as process:
            said, _ = process.communicate(timeout=120)
        if process.returncode not in _ENDS:
            self.problems.append(f"it ends with {process.returncode}: {said}")

    def reckon(self, orders: dict[str, Any]) -> None:
        """Compare the service's keys with journal, sinks and report."""
        journal = Path(orders["journal"])
        run = json.loads(journal.read_text().splitlines()[0])["run"]
        report = report_of(journal)
        with DescopeClient(
            self.emulator.project_id,
            self.emulator.management_key,
            base_url=self.emulator.base_url,
        ) as client:
            keys = client.mgmt.access_key.search_all_access_keys()
            if orders["operation"] in ("create", "replace"):
                keys = [key for key in keys if f"op:{run}-" in key.description]
                made = Counter(key.description.rpartition("-")[2] for key in keys)
                self.problems += [f"twins of {each}" for each, times in made.items() if times > 1]
                given_up = [line for line in report if line["outcome"] == "given up"]
                if len(made) + len(given_up) != len(orders["items"]):
                    self.problems.append(f"{len(made)} keys of {len(orders['items'])}")
            else:
                wanted = set(orders["items"])
                keys = [key for key in keys if key.id in wanted]
            outcomes = {line["key_id"]: line for line in report if "key_id" in line}

            def look(key_id: str) -> None:
                line = outcomes.get(key_id)
                if line is None or line["outcome"] not in ("done", "waiting"):
                    self.problems.append(f"the report says of {key_id}: {line}")
                    return
                (place,) = line["references"]
                try:
                    client.exchange_access_key(SecretReference.parse(place).read())
                except (ApiError, SecretStoreError) as error:
                    self.problems.append(f"the secret of {key_id} is lost: {error}")

            with ThreadPoolExecutor(8) as threads:
                list(threads.map(look, [key.id for key in keys]))
        for line in report:
            if any("delete its twins" in note for note in line.get("notes", ())):
                self.problems.append(f"twins: {line}")


@contextmanager
def started(orders: dict[str, Any]) -> Iterator[subprocess.Popen[str]]:
    """The work in a process of its own."""
    with subprocess.Popen(
        [sys.executable, str(SCRIPT)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin
        process.stdin.write(json.dumps(orders))
        process.stdin.close()
        process.stdin = None
        yield process


def begun(journal: Path, process: subprocess.Popen[str]) -> None:
    """Wait until some keys are made, and others are under way."""
    until = time.monotonic() + 120
    while time.monotonic() < until:
        assert process.poll() is None, process.communicate()
        if journal.exists() and journal.read_bytes().count(b'"k":"done"') >= 4:
            return
        time.sleep(0.02)
    raise AssertionError("nothing has begun")


def report_of(journal: Path) -> list[dict[str, Any]]:
    """The lines of a run's report."""
    text = Path(f"{journal}.report.jsonl").read_text()
    return [json.loads(line) for line in text.splitlines()]


def last_kind(journal: Path) -> str:
    """The kind of the last line of a journal that is whole."""
    if not journal.exists():
        return "none"
    lines = journal.read_bytes().split(b"\n")[:-1]
    return json.loads(lines[-1]).get("k", "header") if lines else "none"
