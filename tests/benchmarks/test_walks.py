from __future__ import annotations

import asyncio
import importlib.util
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from types import ModuleType

import pytest
from packaging.version import Version

from benchmarks.recorded_steps import Step, Walk, recording
from benchmarks.walks import WAYS

ROOT = Path(__file__).parent.parent.parent

SHOP = """
import asyncio
from door import ring

async def open_shop():
    await asyncio.sleep(0)
    try:
        await ring()
    except OSError:
        pass
    return sum(price for price in [1, 2] if is_fair(price))

def is_fair(price):
    return price > 1
"""
DOOR = """
import asyncio

async def ring():
    await asyncio.sleep(0)
    raise OSError
"""


def walk(rooms: str) -> Walk:
    return Walk(tuple(Step(room, "f") for room in rooms))


@pytest.mark.parametrize(
    ("rooms", "expected"),
    [
        ("", (0, 0, 0)),
        ("a", (1, 0, 0)),
        ("aab", (2, 1, 0)),
        ("abab", (2, 3, 2)),
        ("abca", (3, 3, 1)),
    ],
)
def test_how_a_walk_is_counted(rooms: str, expected: tuple[int, int, int]) -> None:
    found = walk(rooms)
    assert (found.rooms, found.changes, found.re_entries) == expected


def test_rooms_are_left_out_by_name_wherever_they_are() -> None:
    found = Walk((Step("client", "f"), Step("_runtime/clock", "g"), Step("_secret", "h")))
    assert found.without(["clock", "secret"]) == Walk((Step("client", "f"),))


def test_functions_are_steps_when_they_start_and_only_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "house"
    monkeypatch.setitem(sys.modules, "door", load("door", folder / "hall" / "door.py", DOOR))
    shop = load("shop", folder / "shop.py", SHOP)

    async def outside() -> None:
        await shop.open_shop()

    with recording(folder) as steps:
        asyncio.run(outside())
    with recording(folder, folder / "hall") as without_hall:
        asyncio.run(outside())

    names = ["open_shop", "ring", "open_shop.<locals>.<genexpr>", "is_fair", "is_fair"]
    assert [step.function for step in steps] == names
    assert [step.room for step in steps] == ["shop", "hall/door", "shop", "shop", "shop"]
    assert [step.function for step in without_hall] == [names[0], *names[2:]]


def load(name: str, file: Path, source: str) -> ModuleType:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(source)
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_way_is_walked_the_same_again_and_as_the_architecture_page_says() -> None:
    command = [sys.executable, "-m", "benchmarks.walks", "--steps", "exchange in the emulator"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, "")
    lines = [line for line in done.stdout.splitlines() if not line.startswith("    ")][1:]
    found = {line[:28].rstrip(): [int(word) for word in line[28:].split()] for line in lines}
    assert list(found) == list(WAYS)
    for rooms, changes, re_entries in found.values():
        assert rooms > 5
        assert re_entries == changes - rooms + 1
    # Only the emulator's modules are rooms of its way, so no step is the client's.
    steps = [line for line in done.stdout.splitlines() if line.startswith("    ")]
    assert steps
    assert not any("DescopeClient" in step for step in steps)

    page = (ROOT / "docs" / "architecture.md").read_text()
    written = {
        way: int(count)
        for way, count in re.findall(r"^\| ([a-z0-9 ]+) \| (\d+) \| \d+ \|$", page, re.MULTILINE)
    }
    counted = {way: re_entries for way, (_, _, re_entries) in found.items()}
    if Version(version("aiohttp")) < Version("3.14"):
        # It receives what is sent in other pieces, and each piece is a step.
        for way in ("cancelled create", "exchange in the emulator"):
            del written[way], counted[way]
    assert written == counted, "python -m benchmarks.walks --docs writes these counts down"
