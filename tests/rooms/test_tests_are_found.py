"""Whoever changes a module finds its tests by its name."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.rooms.tested_in import THROUGH, TOGETHER

TESTS = Path(__file__).parents[1]
ROOT = TESTS.parent
FACES = {"__init__", "__main__"}


def modules() -> list[str]:
    found = [
        each.relative_to(ROOT).with_suffix("").as_posix()
        for package in ("descope_async", "descope_sync")
        for each in (ROOT / package).rglob("*.py")
    ]
    return sorted(each for each in found if Path(each).name not in FACES)


def named_after(module: str) -> str:
    return f"test_{Path(module).name.lstrip('_')}.py"


def has_its_own(module: str) -> bool:
    folders = [lies_in(module)] if lies_in(module) else ["core", "stories"]
    return any(any((TESTS / each).rglob(named_after(module))) for each in folders if each)


def lies_in(module: str) -> str | None:
    """The folder of the tests of the nearest package that is tested together."""
    folders = (TOGETHER.get(parent.as_posix()) for parent in Path(module).parents)
    return next((each for each in folders if each is not None), None)


@pytest.mark.parametrize("module", modules())
def test_a_module_has_tests_of_its_name_or_a_place_where_it_is_tested(module: str) -> None:
    if has_its_own(module):
        assert module not in THROUGH, f"{module} has tests of its own: take it out of THROUGH"
        return
    assert module in THROUGH or lies_in(module), (
        f"write tests/core/**/{named_after(module)}, "
        f"or say in tests/rooms/tested_in.py which tests {module} has"
    )


def test_the_places_are_there() -> None:
    assert set(THROUGH) <= set(modules())
    assert {module for module in TOGETHER if not (ROOT / module).is_dir()} == set()
    assert {path for path in THROUGH.values() if not (TESTS / path).is_file()} == set()
    assert {path for path in TOGETHER.values() if not any((TESTS / path).rglob("test_*.py"))} == (
        set()
    )


def test_the_folders_of_the_cores_tests_follow_the_core() -> None:
    core = ROOT / "descope_async"
    folders = {each.name for each in (TESTS / "core").iterdir() if each.is_dir()} - {"__pycache__"}
    assert {
        each for each in folders if not ((core / each).is_dir() or (core / f"_{each}").is_dir())
    } == (set())
