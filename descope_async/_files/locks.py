"""Locks of open files, which end with the process that holds them, however it ends."""

from __future__ import annotations

from importlib import import_module

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
