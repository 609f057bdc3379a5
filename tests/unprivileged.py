"""The rights of a user who is not root, for tests of files that may not be opened."""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

_NOBODY: Final = 65534


@contextmanager
def unprivileged() -> Generator[None]:
    """Let this process have no more rights than nobody while the block runs, if it is root's."""
    is_root = os.geteuid() == 0
    if is_root:
        os.seteuid(_NOBODY)
    try:
        yield
    finally:
        if is_root:
            os.seteuid(0)
