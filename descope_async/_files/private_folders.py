"""Folders that are made for their owner alone, and last."""

from __future__ import annotations

import os
from itertools import takewhile
from pathlib import Path


def nearest_folder(folder: Path) -> Path:
    """A folder, or the one above it that there is already."""
    return next(each for each in (folder, *folder.parents) if os.path.lexists(each))


def make_folder(folder: Path) -> None:
    """Make a folder, and those above it that are missing, for their owner alone. They survive the end of the machine.

    Raises:
        OSError: It cannot be made.
    """
    missing = takewhile(lambda each: not os.path.lexists(each), (folder, *folder.parents))
    for each in reversed(list(missing)):
        each.mkdir(mode=0o700, exist_ok=True)
        sync_folder(each.parent)


def sync_folder(folder: Path) -> None:
    """Let the names in a folder survive the end of the machine.

    Raises:
        OSError: That cannot be done.
    """
    if os.name == "nt":  # where folders cannot be opened
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
