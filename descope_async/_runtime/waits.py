"""Waits that are given up after a while."""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import TYPE_CHECKING

from .cancel_scopes import cancel_scope
from .imports_aside import imported

if TYPE_CHECKING:
    from anyio import CancelScope


def move_on_after(seconds: float) -> AbstractAsyncContextManager[None, bool]:
    """Leave a block, without an error, when it has not ended after so many seconds."""
    return _Limit(seconds)


class _Limit:
    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._scope: CancelScope

    async def __aenter__(self) -> None:
        scope = await imported(cancel_scope)
        self._scope = scope(deadline=asyncio.get_running_loop().time() + self._seconds)
        self._scope.__enter__()

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        return self._scope.__exit__(exc_type, exc_value, traceback) is True
