"""What `import descope_sync` loads, and what it can name."""

from __future__ import annotations

import sys

import descope_sync

HEAVY = {"aiohttp", "anyio", "asyncio", "cattrs", "jose"}
assert not HEAVY & set(sys.modules), HEAVY & set(sys.modules)
for name in (*descope_sync.__all__, "__version__"):
    assert getattr(descope_sync, name) is not None
    assert name in dir(descope_sync)
try:
    descope_sync.Nothing  # noqa: B018 - asked for to fail
except AttributeError as error:
    print(error)
