"""Whether a folder may hold secrets: who can use it, and whether git would commit what is in it."""

from __future__ import annotations

import secrets
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from descope_async._files.private_files import Access, write_whole
from descope_async._files.private_folders import nearest_folder

from ._errors import SecretStoreError

#: What a small file takes on a disk, and what must stay free beside all files.
_FILE_SIZE: Final = 4096
_RESERVE: Final = 1024 * 1024
_PROBE: Final = b"probe"
_OTHERS: Final = stat.S_IRWXO
_GROUP: Final = stat.S_IRWXG


def check_folder(
    folder: Path,
    access: Access,
    keys: int,
    place: str,
    *,
    listed: bool = False,
    gets_files: bool = True,
) -> None:
    """Find out whether a folder may hold secrets, or can be made.

    Args:
        folder: The folder.
        access: Who may read the files in it.
        keys: How many secrets will come.
        place: What errors name.
        listed: Whether others may see which files it has.
        gets_files: Whether new files will come: then a probe is written, read and removed.

    Raises:
        SecretStoreError: It may not; the message says why.
    """
    there = nearest_folder(folder)
    try:
        if folder.is_symlink():
            raise SecretStoreError(place, f"{folder} is a symlink, which somebody may redirect")
        # A new folder is made for its owner alone.
        bits = folder.stat().st_mode if there == folder else stat.S_IFDIR
        if not stat.S_ISDIR(bits):
            raise SecretStoreError(place, f"{folder}: Not a directory")
        free = shutil.disk_usage(there).free
    except OSError as error:
        raise SecretStoreError(place, f"{folder}: {error.strerror}") from None
    shared = bits & (_OTHERS | (_GROUP if access.group < 0 else stat.S_IWGRP))
    if listed:
        shared &= stat.S_IWGRP | stat.S_IWOTH
    if shared:
        # Not "close it": chmod 0700 /etc or /tmp would stop the machine.
        raise SecretStoreError(
            place,
            f"others can use the folder {folder}; name one below it, such as {folder / 'private'}, "
            "which is made for you alone",
        )
    if free < _RESERVE + keys * _FILE_SIZE:
        raise SecretStoreError(place, f"{folder} has only {free} bytes left for {keys} secrets")
    if gets_files:
        _try_out(folder, there, access, place)


def _try_out(folder: Path, there: Path, access: Access, place: str) -> None:
    """Write a probe into a folder, or into a new one where there is none yet."""
    try:
        if there == folder:
            is_kept = _keeps_probe(folder, access)
        else:
            with tempfile.TemporaryDirectory(prefix=".probe-", dir=there) as trial:
                is_kept = _keeps_probe(Path(trial), access)
    except OSError as error:
        raise SecretStoreError(place, f"{folder}: {error.strerror}") from None
    if not is_kept:
        raise SecretStoreError(place, "what was written cannot be read back")


def _keeps_probe(folder: Path, access: Access) -> bool:
    path = folder / f".probe-{secrets.token_hex(4)}"
    try:
        write_whole(path, _PROBE, access, overwrite=False)
        return path.read_bytes() == _PROBE
    finally:
        path.unlink(missing_ok=True)


def check_ignored_by_git(path: Path, place: str) -> None:
    """Refuse a file that git would commit.

    Raises:
        SecretStoreError: The file lies in a work tree that does not ignore it.
    """
    path = path.absolute()
    if not any((above / ".git").exists() for above in path.parents):
        return
    command = ["git", "-C", str(nearest_folder(path.parent)), "check-ignore", "-q", str(path)]
    try:
        is_ignored = _succeeds(command)
    except OSError:
        is_ignored = False
    if not is_ignored:
        raise SecretStoreError(
            place, f"{path} lies in a git work tree that does not ignore it; add it to .gitignore"
        )


def _succeeds(command: Sequence[str]) -> bool:
    return not subprocess.run(command, check=False, capture_output=True).returncode  # noqa: S603 - a fixed command
