"""Locks of open files, which end with the process that holds them, however it ends."""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from typing import BinaryIO

from descope_async._runtime.late_imports import importing
from descope_async.errors import ConfigurationError


def require_locks(what: str) -> None:
    """Refuse what cannot be safe without such locks.

    Args:
        what: What is to be done, with which the error begins.

    Raises:
        ConfigurationError: This system has none.
    """
    try:
        import_module("fcntl")
    except ImportError:  # as on Windows
        raise ConfigurationError(
            f"{what} needs file locks and file modes as Linux and macOS have them: on Windows, run it "
            "in WSL or in a container"
        ) from None


def lock(descriptor: int) -> None:
    """Take the lock of an open file.

    Raises:
        OSError: Another process has it.
    """
    import fcntl

    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


@contextmanager
def lock_held(descriptor: int, *, waits: bool = True) -> Generator[None]:
    """Hold the lock of an open file for a moment.

    Args:
        descriptor: The file.
        waits: Whether to wait for whoever has it.

    Raises:
        BlockingIOError: Somebody has it, and this does not wait.
        OSError: The file system has no locks.
    """
    with importing():
        import fcntl

    fcntl.flock(descriptor, fcntl.LOCK_EX if waits else fcntl.LOCK_EX | fcntl.LOCK_NB)
    try:
        yield
    finally:
        # Not by closing it: a process that was forked meanwhile has it open too.
        fcntl.flock(descriptor, fcntl.LOCK_UN)


@contextmanager
def alone_with(path: Path) -> Generator[None]:
    """Put another file in the place of this one while no one else does. On Windows, others may.

    Args:
        path: The file, which is made where there is none.

    Raises:
        OSError: It cannot be opened, or its file system has no locks.
    """
    if os.name == "nt":
        yield
        return
    while True:
        with _opened(path) as file, lock_held(file.fileno()):
            if _is_at(path, file):  # else another one was put there before this one was locked
                yield
                return


def _opened(path: Path) -> BinaryIO:
    flags = os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    try:
        # NFS locks only what is open for writing.
        return os.fdopen(os.open(path, flags | os.O_RDWR, 0o600), "r+b", buffering=0)
    except PermissionError:
        return os.fdopen(os.open(path, flags | os.O_RDONLY, 0o600), "rb", buffering=0)


def _is_at(path: Path, file: BinaryIO) -> bool:
    with suppress(FileNotFoundError):
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    return False
