"""Folders of runs: the journal of a change to many keys, its report, and what to go on with it needs."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any, BinaryIO, Final, Self, cast

from attrs import field, frozen

from descope_async._files.locks import lock, require_locks
from descope_async._files.paths import at_home
from descope_async._files.private_folders import make_folder
from descope_async.errors import ConfigurationError
from descope_async.secret_stores._schemes import anchored

from . import moments
from .user_folders import user_folder

#: Operations after which a key has another secret or a successor, so that none is done twice.
_SUCCEEDING: Final = frozenset({"rotate", "replace"})
_ABOUT: Final = "run.json"
_JOURNAL: Final = "journal"
_RESCUE: Final = "journal.rescue"


@frozen
class RunFolder:
    """A run on disk. It holds no secret, except in its rescue folder when a sink has failed.

    Attributes:
        path: The folder.
        project: The project's id.
        operation: What is done, such as ``"create"``.
        sinks: Where secrets go.
        lock_file: The lock file of the manifest that the run carries out; empty for none.
        keys: A digest of what tells its keys from others; empty for none.
        held: Where this process made it: its locked file, by which others see that somebody is at work.
    """

    path: Path
    project: str
    operation: str
    sinks: tuple[str, ...] = ()
    lock_file: str = ""
    keys: str = ""
    held: BinaryIO | None = field(default=None, eq=False, repr=False)

    @classmethod
    def new(
        cls,
        project: str,
        operation: str,
        sinks: Sequence[str],
        lock_file: Path | None = None,
        *,
        keys: str = "",
    ) -> Self:
        """A folder for a run that begins now, below the user's state folder.

        Paths of sinks are made absolute, because the run may go on in another folder.

        Raises:
            ConfigurationError: It cannot be made, or this system has no locks of files.
        """
        require_locks("a run over many keys")
        started = datetime.fromtimestamp(moments.now(), UTC).strftime("%Y%m%d-%H%M%S")
        name = f"{started}-{operation}-{os.getpid()}"
        places = [anchored(each, Path.cwd()) for each in sinks]
        manifest = str(lock_file.absolute()) if lock_file else ""
        about = {
            "project": project,
            "operation": operation,
            "sinks": places,
            "lock": manifest,
            "keys": keys,
        }
        try:
            path = _new_folder(name)
            try:
                held = _locked(path / _ABOUT, json.dumps(about).encode())
            except OSError:
                path.rmdir()
                raise
        except OSError as error:
            raise ConfigurationError(f"{_home() / name} cannot be made: {error.strerror}") from None
        return cls(path, project, operation, tuple(places), manifest, keys, held)

    @classmethod
    def open(cls, name: str) -> RunFolder:
        """The run of this name or path.

        Raises:
            ConfigurationError: There is none.
        """
        for path in (_home() / name, at_home(name)):
            if (found := _run_in(path)) is not None:
                return found
        names = ", ".join(each.name for each in open_runs()) or "none"
        raise ConfigurationError(f"there is no run {name!r}; there are: {names}")

    @property
    def name(self) -> str:
        """What ``resume`` calls it."""
        return self.path.name if self.path.parent == _home() else str(self.path)

    @property
    def journal(self) -> Path:
        """The journal."""
        return self.path / _JOURNAL

    @property
    def is_abandoned(self) -> bool:
        """Whether its process has gone before it wrote a journal, so that nothing was called."""
        try:
            # NFS locks only what is open for writing.
            with (self.path / _ABOUT).open("r+b") as file:
                lock(file.fileno())
                return self._is_empty
        except OSError:  # its process is at work, or has just removed it
            return False

    @property
    def is_at_work(self) -> bool:
        """Whether a process is carrying it out now, or is about to begin it."""
        for path in (self.path / _ABOUT, self.journal):
            try:
                with path.open("r+b") as file:
                    lock(file.fileno())
            except FileNotFoundError:
                continue
            except OSError:
                return True
        return False

    @property
    def _is_empty(self) -> bool:
        return not (self.journal.exists() or self.holds_rescued_secrets)

    @property
    def holds_rescued_secrets(self) -> bool:
        """Whether secrets are in it that no sink took."""
        return any((self.path / _RESCUE).glob("*"))

    def release(self) -> None:
        """Let others see that this process is no longer at work on it. May be repeated."""
        if self.held is not None:
            self.held.close()

    def discard(self) -> None:
        """Remove it where this process made it, and nothing was begun in it."""
        if self.held is not None and self._is_empty:
            self.remove()

    def remove(self) -> None:
        """Remove it, after all is done. It may be gone already."""
        with suppress(FileNotFoundError):
            # First what makes it a run: where this is cut short, no half of one is found later.
            (self.path / _ABOUT).unlink(missing_ok=True)
            shutil.rmtree(self.path)


def being_succeeded(project: str) -> dict[str, tuple[str, str]]:
    """The runs that are rotating or replacing keys of a project, with the outcome so far, by the ids of these keys.

    Raises:
        JournalLocked: A process is working on one of them.
        JournalError: A journal cannot be read.
    """
    from descope_async.batch import read_journal

    found: dict[str, tuple[str, str]] = {}
    for folder in open_runs():
        if (
            folder.project == project
            and folder.operation in _SUCCEEDING
            and folder.journal.exists()
        ):
            found |= {
                each.replaces or each.key_id: (folder.name, each.outcome)
                for each in read_journal(folder.journal)
                if each.outcome not in ("done", "given up")
            }
    return found


def _new_folder(name: str) -> Path:
    """Make a folder of this name, or of one like it where there is one: containers may share pids."""
    make_folder(_home())
    for number in count(1):
        path = _home() / (name if number == 1 else f"{name}-{number}")
        with suppress(FileExistsError):
            path.mkdir(mode=0o700)
            return path
    raise AssertionError


def _locked(path: Path, data: bytes) -> BinaryIO:
    """Write a file whose lock this process has from the moment it has its name."""
    draft = path.with_suffix(".draft")
    file = draft.open("xb", buffering=0)
    try:
        lock(file.fileno())
        file.write(data)
        draft.rename(path)
    except OSError:
        file.close()
        draft.unlink()
        raise
    return file


def open_runs() -> Iterator[RunFolder]:
    """The runs in the user's state folder, the oldest first."""
    for path in sorted(_home().glob("*")):
        found = _run_in(path)
        if found is not None:
            yield found


def state_folder() -> Path:
    """Where this program keeps what it must not forget: below ``XDG_STATE_HOME`` or ``~/.local/state``."""
    return user_folder("XDG_STATE_HOME", ".local/state")


def _home() -> Path:
    return state_folder() / "runs"


def _run_in(path: Path) -> RunFolder | None:
    try:
        found: object = json.loads((path / _ABOUT).read_text(encoding="utf-8"))
        about = cast("dict[str, Any]", found)
        sinks = tuple(about["sinks"])
        manifest, keys = about.get("lock", ""), about.get("keys", "")
        return RunFolder(path, about["project"], about["operation"], sinks, manifest, keys)
    except (OSError, ValueError, KeyError, TypeError):
        return None  # whatever it is, it was not made here
