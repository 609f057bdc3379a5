from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.__main__ import ROWS
from benchmarks.bars import Bar, interval, line
from benchmarks.rounds import Run, Setting, Taken, blocking, in_turn
from benchmarks.table import write_docs

ROOT = Path(__file__).parent.parent.parent


#: What the titles of a row begin with, in a quick run.
TITLES = {
    "async": ("async load, 50 at once", "async load, one after the other"),
    "sync": ("sync load, one thread", "sync load, 16 threads"),
    "validate": (
        "validate, RS256, token not seen before",
        "validate, token seen before",
        "the signature alone",
    ),
    "source": ("fresh token, blocking", "fresh token, awaited"),
    "cold-source": ("100 tasks on one cold source",),
    "search": ("search, 100 keys, whole call", "search, 100 keys, body", "search, 100 keys, peak"),
    "large-answers": (
        "search, keys as the service sends them, 0 MiB, without msgspec",
        "search, keys as the service sends them, 0 MiB, with [fast]",
        "search, twice as many, 0 MiB, without msgspec",
        "search, twice as many, 0 MiB, with [fast]",
        "search, the most keys",
        "search, the smallest",
        "search, floats",
        "search, long names",
        "search, the longest names",
    ),
    "import": ("import descope_async", "import descope_sync"),
    "first-client": ("import and first client, to the first",),
    "memory": ("memory of a process", "memory of a token", "memory of an idle client"),
    "concurrency": ("load, 1 at once", "load, 10 at once"),
    "batch": ("40 keys created and stored", "a journal of 200 lines"),
    "batch-memory": ("peak memory of 400 keys created",),
    "command-line": ("descope-keys --help", "descope-keys list, 100 keys"),
}


def quick_run(
    file: Path, *rows: str, check: bool = False, path: str = ""
) -> tuple[subprocess.CompletedProcess[str], list[Any]]:
    """A run that only sees that these rows work, and the lines of its JSON in a file."""
    command = [sys.executable, "-m", "benchmarks", "--quick", "--server", "asyncio"]
    command += ["--json", str(file), *(word for row in rows for word in ("--only", row))]
    command += ["--check"] * check
    environment = {**os.environ, "PYTHONPATH": path}
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False, env=environment
    )
    return done, json.loads(file.read_text())["lines"]


def test_every_row_is_tested() -> None:
    assert list(TITLES) == list(ROWS)


@pytest.mark.parametrize("row", TITLES)
def test_a_quick_run_measures_the_row(row: str, tmp_path: Path) -> None:
    done, lines = quick_run(tmp_path / "found.json", row, check=True)
    titles = [found["title"] for found in lines]
    assert "Not measured" not in done.stdout
    assert all(title.startswith(TITLES[row]) for title in titles)
    for begun in TITLES[row]:
        assert any(title.startswith(begun) for title in titles), begun
    for found in lines:
        assert found["title"] in done.stdout
        for taken in (found["samples"], found["p99"], found["processor"]):
            assert all(value > 0 for values in taken.values() for value in values)
    assert all(found["p99"] for found in lines if " load" in found["title"])
    bars = [bar for found in lines for bar in found["bars"]]
    assert all(bar["median"] == 1 for bar in bars if bar["text"] == "1 exchange")
    # How fast it was is not for a test to say, but the status must be what the bars say.
    assert done.returncode == any(bar["verdict"] == "missed" for bar in bars), done.stderr


def test_a_row_that_fails_is_named_and_spoils_no_other_one(tmp_path: Path) -> None:
    (tmp_path / "msgspec.py").write_text("raise ImportError('as if it were not there')")
    done, lines = quick_run(tmp_path / "found.json", "search", "cold-source", path=str(tmp_path))
    assert done.returncode == 1
    assert done.stderr.endswith("failed: search\n")
    assert "RuntimeError: this row needs an extra: pip install 'descope-async[fast]'" in done.stderr
    assert "Not measured: search." in done.stdout
    assert [found["title"] for found in lines] == list(TITLES["cold-source"])
    assert TITLES["cold-source"][0] in done.stdout


def test_every_row_is_explained() -> None:
    page = (ROOT / "docs" / "benchmarks.md").read_text()
    rows = page.partition("## The rows\n")[2].partition("\n## ")[0]
    assert re.findall(r"^- `([a-z-]+)`: ", rows, re.MULTILINE) == list(ROWS)


def test_only_a_whole_run_is_written_into_the_page() -> None:
    command = [sys.executable, "-m", "benchmarks", "--docs", "--only", "sync"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "--docs replaces all rows" in done.stderr


def test_the_rounds_are_shuffled_and_each_has_every_contender() -> None:
    setting = Setting(None, None, {}, 1, 9, 0.1, is_quick=False)  # type: ignore[arg-type]  # no server
    orders = list(setting.orders(["ours", "peer", "floor"]))
    assert len(orders) == 9
    assert all(sorted(order) == ["floor", "ours", "peer"] for order in orders)
    assert {order[0] for order in orders} == {"ours", "peer", "floor"}
    assert orders == list(setting.orders(["ours", "peer", "floor"]))


def test_a_contender_that_may_fail_is_left_out() -> None:
    setting = Setting(None, None, {}, 1, 9, 0.001, is_quick=False)  # type: ignore[arg-type]  # no server
    calls = iter(range(5))
    contenders = {"ours": blocking(lambda: None), "peer": blocking(lambda: next(calls))}
    taken = in_turn(setting, contenders, may_fail=["peer"])
    assert [len(found["ours"]) for found in (taken.seconds, taken.p99)] == [9, 9]
    assert "peer" not in taken.seconds
    with pytest.raises(StopIteration):
        in_turn(setting, contenders)


def test_the_p99_of_a_run() -> None:
    latencies = [number / 1_000 for number in range(1, 201)]
    assert Run(1.0, 1.0, latencies[::-1]).p99 == 0.198
    assert Run(1.0, 1.0, [0.5]).p99 == 0.5


def test_the_tables_replace_those_of_the_page(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- measured: begin -->\nold\n<!-- measured: end -->\nafter\n")
    taken = Taken()
    for who, seconds in (("ours", 2.0), ("peer", 4.0), ("floor", 1.0)):
        taken.add(who, Run(seconds, seconds / 2, [seconds]))
    made = line("a call", taken, peer="them", floor="bare", times_floor=1.25, times_ahead=8)
    write_docs(page, [made], ["Measured here."])
    assert page.read_text() == (
        "before\n<!-- measured: begin -->\nMeasured here.\n\n"
        "| what | ours | peer | floor | ours / floor | peer / ours | bar |\n"
        "| --- | --- | --- | --- | --- | --- | --- |\n"
        "| a call | 2 s | 4 s (them) | 1 s (bare) | 2 | 2 | "
        "≤ 1.25 x floor: missed; 8 x ahead of peer: missed |\n\n"
        "| what | p99, ours | p99, peer | p99, floor | processor, ours | processor, floor | "
        "processor, ours / floor |\n"
        "| --- | --- | --- | --- | --- | --- | --- |\n"
        "| a call | 2 s | 4 s | 1 s | 1 s | 500 ms | 2 |\n"
        "<!-- measured: end -->\nafter\n"
    )


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([5], (5, 5)),
        ([3, 1, 2], (1, 3)),
        (range(7), (0, 6)),
        (range(9), (1, 7)),
        (range(20), (5, 14)),
    ],
)
def test_the_interval_of_a_median(values: list[float], expected: tuple[float, float]) -> None:
    # The ranks of the 95 % interval in tables of the sign test.
    assert interval(values) == expected


@pytest.mark.parametrize(
    ("values", "at_least", "verdict"),
    [
        ([1.0, 1.2, 1.4], False, "met"),
        ([1.2, 1.4, 1.6], False, "unclear"),
        ([1.4, 1.5, 1.6], False, "missed"),
        ([1.0, 1.2, 1.4], True, "unclear"),
        ([1.0, 1.1, 1.2], True, "missed"),
        ([1.2, 1.4, 1.6], True, "met"),
    ],
)
def test_a_bar_is_missed_only_beyond_the_noise(
    values: list[float], at_least: bool, verdict: str
) -> None:
    assert Bar("x", tuple(values), 1.3, at_least).verdict == verdict
