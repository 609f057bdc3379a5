"""anyio's cancel scopes. anyio is imported for the first one."""

from __future__ import annotations

from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING

from .late_imports import late_import

if TYPE_CHECKING:
    from anyio import CancelScope


@late_import
def cancel_scope() -> type[CancelScope]:
    """The class of scopes, with the backend that anyio itself would import for the first one."""
    from anyio import CancelScope

    with suppress(ImportError):
        import_module("anyio._backends._asyncio")
    return CancelScope
