"""A local Descope, and its callers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from descope_sync.emulator import Emulator
from tests.integrations.services import Callers


@pytest.fixture
def emulator(monkeypatch: pytest.MonkeyPatch) -> Iterator[Emulator]:
    """A local Descope that the environment names."""
    with Emulator(signing_algorithm="ES256") as emulator:
        for name, value in emulator.environment.items():
            monkeypatch.setenv(name, value)
        yield emulator


@pytest.fixture
def callers(emulator: Emulator) -> Iterator[Callers]:
    found = Callers(emulator)
    with found.client:
        yield found
