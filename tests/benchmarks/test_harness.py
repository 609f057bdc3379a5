from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.__main__ import ROWS
from benchmarks.bars import Bar, interval, line
from benchmarks.rounds import Run, Setting, Taken, blocking, in_turn
from benchmarks.table import write_docs

ROOT = Path(__file__).parent.parent.parent


@pytest.mark.timeout(300)
def test_a_quick_run_measures_every_kind_of_row(tmp_path: Path) -> None:
    rows = ("async", "sync", "cold-source", "search", "large-answers", "source", "import")
    command = [sys.executable, "-m", "benchmarks", "--quick", "--check", "--server", "asyncio"]
    command += ["--json", str(tmp_path / "found.json")]
    command += [word for row in rows for word in ("--only", row)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    found = json.loads((tmp_path / "found.json").read_text())
    bars = [bar for row in found["lines"] for bar in row["bars"]]
    assert [bar["median"] for bar in bars if bar["text"] == "1 exchange"] == [1]
    for row in found["lines"]:
        assert row["title"] in done.stdout
        assert all(value > 0 for values in row["samples"].values() for value in values)
    calls = [row for row in found["lines"] if row["p99"]]
    assert [row["title"].split()[1] for row in calls] == ["load,"] * 9
    for row in calls:
        for who, (seconds,) in row["samples"].items():
            assert row["p99"][who][0] >= seconds / 2
            assert row["processor"][who][0] > 0
    # How fast it was is not for a test to say, but the status must be what the bars say.
    assert done.returncode == any(bar["verdict"] == "missed" for bar in bars), done.stderr


def test_every_row_is_explained() -> None:
    page = (ROOT / "docs" / "benchmarks.md").read_text()
    rows = page.partition("## The rows\n")[2].partition("\n## ")[0]
    assert re.findall(r"^- `([a-z-]+)`: ", rows, re.MULTILINE) == list(ROWS)


@pytest.mark.timeout(180)
def test_a_quick_run_measures_the_command_line(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "benchmarks", "--quick", "--server", "asyncio"]
    command += ["--only", "command-line", "--json", str(tmp_path / "found.json")]
    subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    found = json.loads((tmp_path / "found.json").read_text())
    titles = [row["title"] for row in found["lines"]]
    assert titles == ["descope-keys --help", "descope-keys list, 100 keys"]


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


@pytest.mark.timeout(180)
def test_a_quick_run_measures_batch_work(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "benchmarks", "--quick", "--server", "asyncio"]
    command += ["--only", "batch", "--only", "batch-memory", "--json", str(tmp_path / "found.json")]
    subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    found = json.loads((tmp_path / "found.json").read_text())
    assert [row["title"] for row in found["lines"]] == [
        "40 keys created and stored",
        "a journal of 200 lines read to go on",
        "peak memory of 400 keys created",
    ]
    samples = [values for row in found["lines"] for values in row["samples"].values()]
    assert all(value > 0 for values in samples for value in values)


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
