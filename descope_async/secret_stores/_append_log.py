"""A file that lines are only added to, with one fsync for all who wait at the same time."""

from __future__ import annotations

import errno
import os
import stat
import threading
from pathlib import Path

from descope_async._files.private_files import NO_FILE
from descope_async._files.private_folders import sync_folder


class AppendLog:
    """An open file for appending, which any thread may use.

    Args:
        path: The file. It is made with mode 0600 if there is none.

    Raises:
        OSError: It cannot be opened; it is a symlink, a device or a pipe, for one.
    """

    descriptor: int

    def __init__(self, path: Path) -> None:
        self.path = path
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        self.descriptor = os.open(path, flags, 0o600)
        about = os.fstat(self.descriptor)
        if not stat.S_ISREG(about.st_mode):
            self.close()
            raise OSError(errno.EINVAL, NO_FILE, str(path))
        self._position = about.st_size
        if not self._position:
            sync_folder(path.parent)  # so that a new file's name survives the end of the machine
        self._durable = self._position
        self._writing = threading.Lock()
        self._syncing = threading.Lock()

    def write(self, data: bytes) -> int:
        """Add bytes, which survive the end of this process, but not of the machine.

        Returns:
            The size of the file after it, for `sync`.

        Raises:
            OSError: Not all of it could be written. What was written of it is taken back.
        """
        with self._writing:
            begin = self._position
            left = memoryview(data)
            try:
                while left:
                    left = left[os.write(self.descriptor, left) :]
            except OSError:
                if written := len(data) - len(left):
                    # Not to where this log began: another process may have added lines of its own.
                    end = os.lseek(self.descriptor, 0, os.SEEK_CUR)
                    os.ftruncate(self.descriptor, end - written)
                raise
            self._position = begin + len(data)
            return self._position

    def sync(self, position: int | None = None) -> None:
        """Let what was added survive the end of the machine.

        Args:
            position: Up to where, as `write` returned it; None for all.
        """
        wanted = self._position if position is None else position
        with self._syncing:
            # Who waited for the lock often finds that the one before wrote its lines too.
            if self._durable < wanted:
                written = self._position
                os.fsync(self.descriptor)
                self._durable = written

    def truncate(self, size: int) -> None:
        """Drop what comes after so many bytes."""
        with self._writing, self._syncing:
            os.ftruncate(self.descriptor, size)
            self._position = size
            self._durable = min(self._durable, size)

    def close(self) -> None:
        """Close the file. May be repeated."""
        descriptor, self.descriptor = self.descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)
