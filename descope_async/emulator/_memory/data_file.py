"""DataFile: the SQLite file that keeps what an emulator knows."""

from __future__ import annotations

import asyncio
import logging
import os
import sqlite3
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

import anyio.to_thread
from attrs import frozen

from descope_async.emulator.errors import EmulatorError

_LOG: Final = logging.getLogger("descope_async.emulator")

#: "DSCE" in SQLite's header: the file is known as an emulator's.
_APPLICATION: Final = 0x44534345
_SCHEMA: Final = 4
#: Each version adds fields, which files of earlier ones do not have.
_READABLE: Final = range(1, _SCHEMA + 1)
_TABLE: Final = """
CREATE TABLE record (
    kind TEXT NOT NULL,
    project TEXT NOT NULL,
    id TEXT NOT NULL,
    body TEXT NOT NULL,
    UNIQUE (kind, project, id)
)
"""
_PUT: Final = """
INSERT INTO record (kind, project, id, body) VALUES (?, ?, ?, ?)
ON CONFLICT (kind, project, id) DO UPDATE SET body = excluded.body
"""
_REMOVE: Final = "DELETE FROM record WHERE kind = ? AND project = ? AND id = ?"
#: What SQLite puts beside its file, with the file's mode.
_BESIDE: Final = ("", "-wal", "-shm", "-journal")
_OWNER_ONLY: Final = 0o600


class CannotStore(EmulatorError):
    """The data file could not be written. The changes were undone in memory too."""


@frozen
class Change:
    """A record as it is from now on; `body` is its JSON, or None when it is gone."""

    kind: str
    project_id: str
    id: str
    body: str | None


class DataFile:
    """A SQLite file that one emulator has to itself.

    Changes are made in memory first, and noted here in order. `settle` returns once all that were
    noted before are on disk. Callers that wait at the same time share one commit.
    """

    def __init__(self, path: Path) -> None:
        """Open or create the file.

        Raises:
            EmulatorError: It cannot be opened, is in use, or is not an emulator's.
        """
        self._path = path
        self._noted: list[Change] = []
        self._noted_count = 0
        self._settled_count = 0
        self._writing: asyncio.Task[None] | None = None
        #: How often a write has failed, and why the last one did.
        self._failures = 0
        #: Called as soon as a write has failed, to undo in memory what is not in the file.
        self.undo: Callable[[], None] = lambda: None
        self._failure = ""
        self._is_failing = False
        with _made_private(path):
            try:
                # Used by one thread at a time: here, and then in `_write`.
                self._file = sqlite3.connect(
                    path, timeout=0, isolation_level=None, check_same_thread=False
                )
            except sqlite3.Error as error:
                raise _cannot_open(path, error) from error
            try:
                self._prepare()
            except BaseException:
                self._file.close()
                raise

    @property
    def failures(self) -> int:
        """How often a write has failed. What was noted before the last failure is not stored."""
        return self._failures

    def changes(self) -> list[Change]:
        """All that the file holds, each record at the place where it was first noted."""
        query = "SELECT kind, project, id, body FROM record ORDER BY rowid"
        # A cursor that is left open by an error would keep the file locked.
        with closing(self._file.execute(query)) as rows:
            return [Change(*row) for row in rows]

    def note(self, change: Change) -> None:
        """Take a change, to be written by the next `settle`."""
        self._noted.append(change)
        self._noted_count += 1

    async def settle(self, failures: int) -> None:
        """Return when everything noted so far would survive a power cut.

        Args:
            failures: What `failures` was before the first of the caller's changes was noted.

        Raises:
            CannotStore: A write has failed since then.
        """
        wanted = self._noted_count
        while failures == self._failures and self._settled_count < wanted:
            if self._writing is None:
                self._writing = asyncio.create_task(self._write())
            # A caller that gives up must not take the others' commit with it.
            await asyncio.shield(self._writing)
        if failures != self._failures:
            raise CannotStore(self._failure)

    def discard(self) -> None:
        """Forget what was noted and is not written."""
        self._noted_count -= len(self._noted)
        self._noted.clear()

    def close(self) -> None:
        """Let go of the file, and write nothing."""
        self._file.close()

    async def aclose(self) -> None:
        """Write what was noted, and let go of the file."""
        try:
            await self.settle(self._failures)
        finally:
            self._file.close()

    async def _write(self) -> None:
        batch, self._noted = self._noted, []
        try:
            await anyio.to_thread.run_sync(self._commit, batch)
        except Exception as error:  # noqa: BLE001 - whatever it is, these changes are not stored
            self._fail(error)
        else:
            self._settled_count += len(batch)
            if self._is_failing:
                self._is_failing = False
                _LOG.warning("the data file %s can be written again", self._path)
        finally:
            self._writing = None

    def _fail(self, error: Exception) -> None:
        # What was noted meanwhile builds on changes that are lost, so it is lost with them.
        self._noted.clear()
        self._settled_count = self._noted_count
        self._failures += 1
        self.undo()
        self._failure = f"the data file {self._path} cannot be written: {_reason(error)}"
        if not self._is_failing:
            self._is_failing = True
            _LOG.error("%s; changes are refused with 507 until it can", self._failure)

    def _commit(self, batch: list[Change]) -> None:
        self._file.execute("BEGIN IMMEDIATE")
        try:
            for change in batch:
                place = (change.kind, change.project_id, change.id)
                if change.body is None:
                    self._file.execute(_REMOVE, place)
                else:
                    self._file.execute(_PUT, (*place, change.body))
            self._file.execute("COMMIT")
        except BaseException:
            if self._file.in_transaction:
                self._file.execute("ROLLBACK")
            raise

    def _prepare(self) -> None:
        try:
            self._file.execute("PRAGMA locking_mode = EXCLUSIVE")
            # A file that is not an emulator's must be noticed before anything is written to it.
            application = self._number("PRAGMA application_id")
            version = self._number("PRAGMA user_version")
            empty = not self._number("SELECT count(*) FROM sqlite_master")
            if application != _APPLICATION and not (empty and application == version == 0):
                raise self._foreign()
            if not empty and version not in _READABLE:
                raise EmulatorError(
                    f"the data file {self._path} was written by another version of the emulator "
                    f"(schema {version}, this one reads 1 to {_SCHEMA}); use that one or another file"
                )
            self._file.execute("PRAGMA journal_mode = WAL")
            self._file.execute("PRAGMA synchronous = FULL")
            self._file.execute("BEGIN IMMEDIATE")  # takes the lock, and keeps it
            if empty:
                self._file.execute(_TABLE)
                self._file.execute(f"PRAGMA application_id = {_APPLICATION}")
            self._file.execute(f"PRAGMA user_version = {_SCHEMA}")
            self._file.execute("COMMIT")
        except sqlite3.OperationalError as error:
            if "locked" in str(error):
                raise EmulatorError(
                    f"the data file {self._path} is in use by another emulator; stop that one or "
                    "name another file"
                ) from error
            raise EmulatorError(
                f"cannot use the data file {self._path}: {_reason(error)}"
            ) from error
        except sqlite3.DatabaseError as error:
            raise self._foreign() from error

    def _number(self, query: str) -> int:
        return int(self._file.execute(query).fetchone()[0])

    def _foreign(self) -> EmulatorError:
        return EmulatorError(
            f"the file {self._path} is not an emulator's data file; name another one"
        )


@contextmanager
def _made_private(path: Path) -> Generator[None, None, None]:
    """Make the file its owner's alone before SQLite opens it; undo that if the block fails.

    It holds the private signing keys and the management key. SQLite gives its other files the mode that this one has when
    it makes them, so a later change of the mode would leave those readable.
    """
    modes: dict[Path, int] = {}
    try:
        target = path.resolve()
        if not target.exists():
            os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, _OWNER_ONLY))
        beside = [target.with_name(target.name + ending) for ending in _BESIDE]
        found = {each: each.stat().st_mode & 0o777 for each in beside if each.is_file()}
    except OSError as error:
        raise _cannot_open(path, error) from error
    try:
        for each, mode in found.items():
            each.chmod(_OWNER_ONLY)
            modes[each] = mode
    except OSError as error:
        _restore(modes)
        raise EmulatorError(
            f"the data file {path} cannot be made its owner's alone: {_reason(error)}; name a "
            "file of your own"
        ) from error
    try:
        yield
    except BaseException:
        _restore(modes)
        raise


def _restore(modes: dict[Path, int]) -> None:
    for path, mode in modes.items():
        if path.exists():
            path.chmod(mode)


def _cannot_open(path: Path, error: Exception) -> EmulatorError:
    return EmulatorError(
        f"cannot open the data file {path}: {_reason(error)}; name a file in a directory that "
        "exists and can be written to"
    )


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
