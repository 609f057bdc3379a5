"""A process like those that do not have the extra `fast`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any, Final

_NAMES: Final = ("msgspec", "msgspec.json")


@contextmanager
def without_msgspec() -> Iterator[None]:
    """Hide msgspec while the block runs.

    Raises:
        RuntimeError: It is not installed. Then it cannot be measured what it changes.
    """
    try:
        hidden: dict[str, Any] = {name: import_module(name) for name in _NAMES}
    except ImportError:
        raise RuntimeError("this row needs an extra: pip install 'descope-async[fast]'") from None
    modules: dict[str, Any] = sys.modules
    modules.update(dict.fromkeys(_NAMES))  # None means that there is none
    try:
        yield
    finally:
        modules.update(hidden)
