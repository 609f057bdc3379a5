"""A device or a pipe that is written to for only as long as somebody takes what is written."""

from __future__ import annotations

import errno
import os
import select
from io import RawIOBase
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

#: Milliseconds for which nothing may be read from a pipe that is full.
_PATIENCE: Final = 10_000


class Device(RawIOBase):
    """An open device or pipe, such as ``/dev/null``.

    Args:
        path: Where it is.

    Raises:
        OSError: It cannot be opened, or it is a pipe that nobody reads.
    """

    _descriptor = -1  # until it is open: Python closes also one that could not be opened

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        self._is_given_up = False

    def writable(self) -> bool:
        """True."""
        return True

    def write(self, data: ReadableBuffer) -> int:
        """Write as much as it takes, after waiting for it to take anything.

        Raises:
            TimeoutError: It has taken nothing for 10 seconds.
            OSError: It cannot be written.
        """
        while not self._is_given_up:
            try:
                return os.write(self._descriptor, data)
            except BlockingIOError:
                self._wait()
        raise TimeoutError(errno.ETIMEDOUT, "nobody reads what is written to it")

    def _wait(self) -> None:
        poll = select.poll()
        poll.register(self._descriptor, select.POLLOUT)
        self._is_given_up = not poll.poll(_PATIENCE)

    def close(self) -> None:
        """Close it. May be repeated."""
        if not self.closed and self._descriptor >= 0:
            os.close(self._descriptor)
        super().close()
