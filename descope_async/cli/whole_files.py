"""Files of people: read up to a limit, and written whole or not at all, so that no crash leaves half of one."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from descope_async.errors import ConfigurationError
from descope_async.secret_stores._private_files import Access, write_whole


def read_file(path: Path, most: int) -> bytes:
    """What is in a file.

    Args:
        path: The file. It may be a device, whose end may never come.
        most: Bytes that it may have.

    Raises:
        ConfigurationError: It cannot be read, or is larger.
    """
    try:
        with path.open("rb") as file:
            data = file.read(most + 1)
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}") from None
    if len(data) > most:
        raise ConfigurationError(f"{path} is larger than {most // 2**20} MiB")
    return data


def write_file(path: Path, text: str) -> None:
    """Write a file, which is as it was before until all of it is on the disk.

    A file that there is keeps its permissions, and a symlink still leads to it. Devices and pipes are written to.

    Raises:
        ConfigurationError: It cannot be written. The old file is as it was.
    """
    try:
        bits = _mode(path)
        if _is_open_already(path) or (bits is not None and not stat.S_ISREG(bits)):
            path.write_text(text, encoding="utf-8")
            return
        mode = _mode_of_new_files() if bits is None else stat.S_IMODE(bits)
        write_whole(path.resolve(), text.encode(), Access(mode=mode), overwrite=True)
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be written: {error.strerror}") from None


def _is_open_already(path: Path) -> bool:
    """Whether a path such as ``/dev/stdout`` stands for what this process has open."""
    return path.absolute().parts[1:2] in (("dev",), ("proc",))


def _mode(path: Path) -> int | None:
    try:
        return path.stat().st_mode
    except FileNotFoundError:
        return None


def _mode_of_new_files() -> int:
    mask = os.umask(0o077)  # there is no other way to read it
    os.umask(mask)
    return 0o666 & ~mask
