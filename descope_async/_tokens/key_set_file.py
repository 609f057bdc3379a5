"""A file that keeps the fetched signing keys, for a process that starts while none can be fetched."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from descope_async._config.project import Project
from descope_async._files.private_files import Access, write_whole
from descope_async._files.private_folders import make_folder
from descope_async._runtime.callables import TookTooLong, call_within
from descope_async._runtime.clock import Clock
from descope_async._values.numbers import LATEST, is_within
from descope_async._values.strict_json import read_object
from descope_async.errors import ConfigurationError, UnexpectedResponse
from descope_async.events._log import LOG

from .key_set import MAX_KEY_SET, FetchedKeys, parse_key_set

#: Seconds by which clocks may differ.
_AHEAD: Final = 300.0
#: Bytes of a file: its key set has quotes that must be escaped.
_MAX_FILE: Final = 2 * MAX_KEY_SET
#: Seconds that a disk may take.
_WITHIN: Final = 2.0
_SHARED: Final = stat.S_IWGRP | stat.S_IWOTH


class KeySetFile:
    """Keeps the last key set that was fetched.

    The file says for which project and from which address the keys are, and when they were fetched. It
    is public, but whoever can write it could sign tokens. So it is its owner's alone.

    Args:
        path: The file.
        project: Says which project it is, when the file is needed.
        clock: The time source.
    """

    def __init__(self, path: Path, project: Callable[[], Project], clock: Clock) -> None:
        self._path = path
        self._project = project
        self._clock = clock
        self._has_warned = False

    async def read(self, max_age: float) -> FetchedKeys | None:
        """The kept keys; None where there are none, or none that may still be trusted.

        Args:
            max_age: For how many seconds they may be.

        Raises:
            ConfigurationError: Others can write the file, or it belongs to another project.
        """
        found: list[FetchedKeys] = []
        try:
            await call_within(_WITHIN, self._read_into, found)
        except TookTooLong:
            self._warn("cannot be read in time")
        # A file from the future was written under another clock, and nobody knows how old it is.
        return found[0] if found and -_AHEAD <= found[0].age < max_age else None

    async def write(self, fetched: FetchedKeys) -> None:
        """Keep keys. Where that cannot be done, the log says so once."""
        try:
            await call_within(_WITHIN, self._write, fetched)
        except OSError as error:
            self._warn(f"cannot be written: {error.strerror}")
        except TookTooLong:
            self._warn("cannot be written in time")

    def _read_into(self, found: list[FetchedKeys]) -> None:
        try:
            with open(self._path, "rb", opener=_open_without_waiting) as file:
                self._refuse_shared(os.fstat(file.fileno()))
                content = file.read(_MAX_FILE + 1)
        except FileNotFoundError:
            return
        except OSError as error:
            self._warn(f"cannot be read: {error.strerror}")
            return
        if (kept := self._kept(content)) is not None:
            found.append(kept)

    def _refuse_shared(self, about: os.stat_result) -> None:
        if not stat.S_ISREG(about.st_mode):
            raise ConfigurationError(f"key_set_file: {self._path} is not a file")
        if os.name == "nt":  # which has no such modes
            return
        if about.st_uid not in {os.geteuid(), 0}:
            problem = "belongs to another user, who could put keys of their own into it: remove it"
        elif about.st_mode & _SHARED:
            problem = (
                "can be written by others, who could put keys of their own into it: remove it, or "
                "say chmod 600"
            )
        else:
            return
        raise ConfigurationError(f"key_set_file: {self._path} {problem}")

    def _kept(self, content: bytes) -> FetchedKeys | None:
        members = read_object(content) if len(content) <= _MAX_FILE else None
        names = ("project_id", "base_url", "fetched_at", "cache_control", "key_set")
        found: Mapping[str, object] = members or {}
        project, address, fetched_at, cache_control, text = (found.get(name) for name in names)
        if not (
            isinstance(project, str)
            and isinstance(address, str)
            and is_within(fetched_at, 0, LATEST)
            and isinstance(cache_control, str)
            and isinstance(text, str)
        ):
            self._warn("is damaged, and not used")
            return None
        here = self._project()
        for name, value, own in (
            ("project", project, here.id),
            ("address", address, str(here.base_url)),
        ):
            if value != own:
                raise ConfigurationError(
                    f"key_set_file: {self._path} has keys for the {name} {value[:200]}, and the "
                    f"client is for {own}; name a file for each"
                )
        try:
            document = text.encode()
            parse_key_set(document)
        except (UnicodeEncodeError, UnexpectedResponse):
            self._warn("is damaged, and not used")
            return None
        return FetchedKeys(document, cache_control, self._clock.now() - fetched_at)

    def _write(self, fetched: FetchedKeys) -> None:
        project = self._project()
        members = {
            "project_id": project.id,
            "base_url": str(project.base_url),
            "fetched_at": self._clock.now() - fetched.age,
            "cache_control": fetched.cache_control,
            "key_set": fetched.body.decode(),
        }
        make_folder(self._path.parent)
        write_whole(self._path, json.dumps(members).encode(), Access(), overwrite=True)

    def _warn(self, problem: str) -> None:
        if not self._has_warned:
            self._has_warned = True
            LOG.warning("key_set_file: %s %s", self._path, problem)


def _open_without_waiting(path: str, flags: int) -> int:
    """Open a file, and do not wait for a writer where it is a pipe."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
