"""The table in docs/how-to/migrate.md says what both SDKs really do."""

from __future__ import annotations

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).with_name("side_by_side.py")


@pytest.fixture
def side_by_side(monkeypatch: pytest.MonkeyPatch) -> Any:
    spec = spec_from_file_location("side_by_side", SCRIPT)
    assert spec
    assert spec.loader
    module = module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)
    spec.loader.exec_module(module)
    return module


def test_the_table_is_what_a_run_gives(side_by_side: Any) -> None:
    table = side_by_side.table()
    assert len(table.splitlines()) == 2 + len(side_by_side.TROUBLES)
    assert side_by_side.PAGE.read_text() == side_by_side.page_with(table), (
        f"run python {SCRIPT.name} and see what has changed"
    )
