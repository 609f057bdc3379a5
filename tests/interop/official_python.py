"""The official clients from PyPI, sync and async, called alike."""

from __future__ import annotations

import inspect
from typing import Any

import anyio.to_thread


class Official:
    """One of the two official clients; ``await official("mgmt.access_key.load", id)``."""

    def __init__(self, client: Any, kind: str) -> None:
        self._client = client
        self._kind = kind

    async def __call__(self, name: str, /, *args: Any, **kwargs: Any) -> Any:
        method: Any = self._client
        for part in name.split("."):
            method = getattr(method, part)
        if self._kind == "sync":
            return await anyio.to_thread.run_sync(lambda: method(*args, **kwargs))
        result = method(*args, **kwargs)
        return await result if inspect.isawaitable(result) else result
