"""What CONTRIBUTING.md says about sessions and folders of tests is complete."""

from __future__ import annotations

import ast
import re

from tests.docs.pages import ROOT

TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")


def first_cells(section: str) -> set[str]:
    """The names in the first column of the tables of a section."""
    lines = TEXT.split(f"\n## {section}\n")[1].split("\n## ")[0].splitlines()
    cells = [line.split(" | ")[0] for line in lines if line.startswith("| `")]
    return {name for cell in cells for name in re.findall(r"`([^`]+)`", cell)}


def test_every_session_is_in_the_table() -> None:
    functions = ast.parse((ROOT / "noxfile.py").read_text(encoding="utf-8")).body
    sessions = {
        each.name
        for each in functions
        if isinstance(each, ast.FunctionDef)
        and any("nox.session" in ast.unparse(decorator) for decorator in each.decorator_list)
    }
    assert len(sessions) > 20
    assert first_cells("Set up") == sessions


def test_every_folder_of_tests_is_in_the_table() -> None:
    folders = {
        f"tests/{path.name}/"
        for path in (ROOT / "tests").iterdir()
        if path.is_dir() and not path.name.startswith((".", "__"))
    }
    assert first_cells("Test it") == folders
