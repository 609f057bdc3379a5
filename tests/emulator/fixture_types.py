"""What the fixtures of this folder are."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

Answer = tuple[int, dict[str, Any]]
Ask = Callable[..., Awaitable[Answer]]
Do = Callable[..., Awaitable[dict[str, Any]]]
Create = Callable[..., Awaitable[tuple[dict[str, Any], str]]]
Load = Callable[[str], Awaitable[dict[str, Any]]]
