"""Files of people: read up to a limit, and written whole or not at all, so that no crash leaves half of one."""

from __future__ import annotations

import errno
import os
import re
import stat
from contextlib import nullcontext
from pathlib import Path
from typing import Final

from descope_async._files.private_files import Access, write_whole
from descope_async.errors import ConfigurationError

from .standard_input import ending_at_once

_OPEN: Final = re.compile(r"/dev/(std(in|out|err)|fd/\d+)|/proc/[^/]+/fd/\d+")
#: Why a file cannot take the place of another one that may be written itself: it is mounted, or belongs to
#: another user, or its folder takes no files.
_IN_PLACE: Final = frozenset({errno.EBUSY, errno.EACCES, errno.EPERM, errno.EROFS})


def read_file(path: Path, most: int) -> bytes:
    """What is in a file.

    Args:
        path: The file. It may be a device, whose end may never come.
        most: Bytes that it may have.

    Raises:
        ConfigurationError: It cannot be read, or is larger.
    """
    try:
        # A pipe may have no writer.
        with nullcontext() if path.is_file() else ending_at_once(), path.open("rb") as file:
            data = file.read(most + 1)
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}") from None
    if len(data) > most:
        raise ConfigurationError(f"{path} is larger than {most // 2**20} MiB")
    return data


def write_file(path: Path, text: str) -> None:
    """Write a file, which is as it was before until all of it is on the disk.

    A file that there is keeps its owner, group and permissions, and a symlink still leads to it. It is written in
    place where no other file can take that, as when it is mounted into a container or its folder is closed: then a
    crash may leave half of it. Devices and pipes are written to.

    Raises:
        ConfigurationError: It cannot be written.
    """
    data = text.encode()
    try:
        old = _about(path)
        if _is_open_already(path) or (old is not None and not stat.S_ISREG(old.st_mode)):
            path.write_bytes(data)
        elif old is None:
            access = Access(mode=_mode_of_new_files())
            write_whole(path.resolve(), data, access, overwrite=True)
        else:
            _replace(path.resolve(), data, old)
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be written: {error.strerror}") from None


def _replace(path: Path, data: bytes, old: os.stat_result) -> None:
    access = Access(mode=stat.S_IMODE(old.st_mode), owner=old.st_uid, group=old.st_gid)
    try:
        write_whole(path, data, access, overwrite=True)
    except OSError as error:
        if error.errno not in _IN_PLACE:
            raise
        with path.open("r+b") as file:
            file.write(data)
            file.truncate()
            file.flush()
            os.fsync(file.fileno())


def _is_open_already(path: Path) -> bool:
    """Whether a path such as ``/dev/stdout`` stands for what this process has open."""
    return _OPEN.fullmatch(str(path.absolute())) is not None


def _about(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except FileNotFoundError:
        return None


def _mode_of_new_files() -> int:
    mask = os.umask(0o077)  # there is no other way to read it
    os.umask(mask)
    return 0o666 & ~mask
