"""Waits that are given up after a while."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from .cancel_scopes import cancel_scope
from .imports_aside import imported


@asynccontextmanager
async def move_on_after(seconds: float) -> AsyncGenerator[None]:
    """Leave a block, without an error, when it has not ended after so many seconds."""
    scope = await imported(cancel_scope)
    with scope(deadline=asyncio.get_running_loop().time() + seconds):
        yield
