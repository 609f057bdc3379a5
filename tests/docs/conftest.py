"""A local Descope of its own for each page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from descope_async.testing import tell_unclaimed_secrets
from descope_sync.emulator import Emulator


@pytest.fixture(autouse=True)
def _untold() -> Iterator[None]:
    """Pages run in this process, and one lets it tell of unread secrets: other tests must not."""
    yield
    tell_unclaimed_secrets(told=False)


@pytest.fixture
def emulator(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Emulator]:
    """An emulator that the environment leads to, in a folder where files may be written."""
    monkeypatch.chdir(tmp_path)
    with Emulator() as emulator:
        for name, value in emulator.environment.items():
            monkeypatch.setenv(name, value)
        yield emulator
