"""What every test shares."""

from __future__ import annotations

import os

import pytest

# A developer's own credentials must not leak into tests, nor tests into a real project.
for _name in [name for name in os.environ if name.startswith("DESCOPE_")]:
    del os.environ[_name]


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """The core is aiohttp's, so asyncio is the only backend."""
    return "asyncio"
