from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.bars import Bar, interval

ROOT = Path(__file__).parent.parent.parent


@pytest.mark.timeout(300)
def test_a_quick_run_measures_every_kind_of_row(tmp_path: Path) -> None:
    rows = ("async", "sync", "cold-source", "search", "large-answers", "source")
    command = [sys.executable, "-m", "benchmarks", "--quick", "--check", "--server", "asyncio"]
    command += ["--json", str(tmp_path / "found.json")]
    command += [word for row in rows for word in ("--only", row)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    found = json.loads((tmp_path / "found.json").read_text())
    bars = [bar for line in found["lines"] for bar in line["bars"]]
    assert [bar["median"] for bar in bars if bar["text"] == "1 exchange"] == [1]
    for line in found["lines"]:
        assert line["title"] in done.stdout
        assert all(value > 0 for values in line["samples"].values() for value in values)
    # How fast it was is not for a test to say, but the status must be what the bars say.
    assert done.returncode == any(bar["verdict"] == "missed" for bar in bars), done.stderr


@pytest.mark.timeout(180)
def test_a_quick_run_measures_batch_work(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "benchmarks", "--quick", "--server", "asyncio"]
    command += ["--only", "batch", "--json", str(tmp_path / "found.json")]
    subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    found = json.loads((tmp_path / "found.json").read_text())
    assert [line["title"] for line in found["lines"]] == [
        "40 keys created and stored",
        "a journal of 200 lines read to go on",
        "peak memory of 400 keys created",
    ]
    assert all(
        value > 0
        for line in found["lines"]
        for values in line["samples"].values()
        for value in values
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
