"""Files with secrets: written whole or not at all, for nobody else to read."""

from __future__ import annotations

import errno
import os
import re
import secrets
import stat
from contextlib import suppress
from pathlib import Path
from typing import Final

from attrs import frozen

from descope_async._runtime.late_imports import importing
from descope_async.errors import ConfigurationError

from .private_folders import sync_folder

#: What is wrong with a device, a pipe or a folder in the place of a file.
NO_FILE: Final = "it is no regular file"
#: Characters that Linux writes as octal numbers in its list of what is mounted.
_UNLISTED: Final = re.compile(rb"[ \t\n\\]")


@frozen(kw_only=True, eq=False, repr=False)
class Access:
    """Who may read a file.

    Attributes:
        mode: Its permission bits.
        owner: The user id; -1 to leave it.
        group: The group id; -1 to leave it.
    """

    mode: int = 0o600
    owner: int = -1
    group: int = -1

    @classmethod
    def of(cls, mode: str, owner: str, group: str) -> Access:
        """From text: an octal mode, and names or numbers; empty for the defaults.

        Raises:
            ConfigurationError: One of them is none, or this system has no such things.
        """
        if not (mode or owner or group):
            return cls()
        if os.name == "nt":
            raise ConfigurationError(
                "owner, group and mode mean nothing on Windows: files get the permissions of their folder"
            )
        with importing():
            import grp
            import pwd
        try:
            bits = int(mode or "600", 8)
            user = -1 if not owner else int(owner) if owner.isdecimal() else pwd.getpwnam(owner)[2]
            team = -1 if not group else int(group) if group.isdecimal() else grp.getgrnam(group)[2]
        except (ValueError, KeyError) as error:
            raise ConfigurationError(f"owner, group or mode cannot be used: {error}") from None
        if bits & ~0o770 or not bits & stat.S_IRUSR:
            raise ConfigurationError(f"mode={mode} would let everybody read, or nobody")
        return cls(mode=bits, owner=user, group=team)


def write_whole(path: Path, data: bytes, access: Access, *, overwrite: bool) -> None:
    """Write a file under another name, and give it its name when it is on the disk.

    Raises:
        OSError: It cannot be written, or there is a device or a pipe. The old file is as it was.
        FileExistsError: There is one already, and it must not be overwritten; or a symlink.
    """
    # A name may have 255 bytes, and a character may take four.
    draft = f".{path.name[:60]}.{secrets.token_hex(4)}"
    if os.name == "nt":
        replace_whole(path, path.with_name(draft), data, overwrite=overwrite)
        return
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        _check_replaceable(path)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
        descriptor = os.open(draft, flags, 0o600, dir_fd=folder)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                if access.owner >= 0 or access.group >= 0:
                    os.fchown(descriptor, access.owner, access.group)
                os.fchmod(descriptor, access.mode)
                file.flush()
                os.fsync(descriptor)
            if overwrite:
                os.rename(draft, path.name, src_dir_fd=folder, dst_dir_fd=folder)
            else:
                os.link(draft, path.name, src_dir_fd=folder, dst_dir_fd=folder)
                os.unlink(draft, dir_fd=folder)
        except OSError:
            remove(draft, folder)
            raise
        os.fsync(folder)
    finally:
        os.close(folder)


def _check_replaceable(path: Path) -> None:
    """Refuse to put a file where something else is, such as a device that all programs use."""
    try:
        bits = path.lstat().st_mode
    except FileNotFoundError:
        return
    if stat.S_ISLNK(bits):
        raise FileExistsError(
            errno.EEXIST, "it is a symlink, which somebody may redirect", str(path)
        )
    if not stat.S_ISREG(bits):
        raise OSError(errno.EINVAL, NO_FILE, str(path))


def is_mounted(path: Path) -> bool:
    """Whether a file is mounted where it is, so that no other file can take its place."""
    if os.path.ismount(path):
        return True
    try:
        mounts = Path("/proc/self/mountinfo").read_bytes()
    except OSError:  # only Linux mounts a file that is on the same file system as its folder
        return False
    name = _UNLISTED.sub(_listed, os.fsencode(os.path.realpath(path)))
    return any(line.split(b" ")[4:5] == [name] for line in mounts.split(b"\n"))


def _listed(found: re.Match[bytes]) -> bytes:
    return b"\\%03o" % ord(found[0])


def replace_whole(path: Path, draft: Path, data: bytes, *, overwrite: bool) -> None:
    """Do the same where folders cannot be opened and files have no modes, as on Windows.

    Raises:
        OSError: As `write_whole`.
    """
    if not overwrite and path.exists():
        raise FileExistsError(errno.EEXIST, "there is a file already", str(path))
    try:
        with draft.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise


def rename(path: Path, target: Path) -> None:
    """Give a file another name in its folder, durably.

    Raises:
        OSError: That cannot be done, or something else than a file has that name.
    """
    _check_replaceable(target)
    path.replace(target)
    sync_folder(path.parent)


def remove(name: str, folder: int) -> None:
    """Remove a file of an open folder, if it is there."""
    with suppress(FileNotFoundError):
        os.unlink(name, dir_fd=folder)
