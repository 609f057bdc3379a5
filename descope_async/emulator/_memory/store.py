"""The file behind an emulator: everything it answered is in it before the answer leaves."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

import anyio.to_thread
from attrs import frozen

from descope_async.emulator.errors import EmulatorError

_APPLICATION: Final = 0x44534345  # "DSCE", in SQLite's header so that the file can be told
_SCHEMA: Final = 2
_READABLE: Final = range(1, _SCHEMA + 1)  # each adds fields that may be absent
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


@frozen
class Change:
    """A record as it is from now on; `body` is its JSON, or None when it is gone."""

    kind: str
    project_id: str
    id: str
    body: str | None


class Store:
    """A SQLite file that one emulator has to itself.

    Changes are made in memory first and noted here in order. `settle` returns once all that were
    noted before it are on disk; callers that wait at the same time share one commit.
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
        self._failure: Exception | None = None
        try:
            if not path.exists():
                os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
            # Used by one thread at a time: here, and then in `_write`.
            self._file = sqlite3.connect(
                path, timeout=0, isolation_level=None, check_same_thread=False
            )
        except (OSError, sqlite3.Error) as error:
            raise EmulatorError(
                f"cannot open the data file {path}: {_reason(error)}; name a file in a directory "
                "that exists and can be written to"
            ) from error
        try:
            self._prepare()
            path.chmod(0o600)  # it holds the private signing keys
        except OSError as error:
            self._file.close()
            raise EmulatorError(
                f"the data file {path} cannot be made its owner's alone: {_reason(error)}; name a "
                "file of your own"
            ) from error
        except BaseException:
            self._file.close()
            raise

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

    async def settle(self) -> None:
        """Return when everything noted so far would survive a power cut.

        Raises:
            EmulatorError: It could not be written. The memory is ahead of the file from then on,
                so every later call fails too.
        """
        wanted = self._noted_count
        while self._settled_count < wanted or self._failure:
            if self._failure:
                raise EmulatorError(
                    f"the data file {self._path} cannot be written: {_reason(self._failure)}; "
                    "start the emulator again once it can"
                ) from self._failure
            if self._writing is None:
                self._writing = asyncio.create_task(self._write())
            # A caller that gives up must not take the others' commit with it.
            await asyncio.shield(self._writing)

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
            await self.settle()
        finally:
            self._file.close()

    async def _write(self) -> None:
        batch, self._noted = self._noted, []
        try:
            await anyio.to_thread.run_sync(self._commit, batch)
        except Exception as error:  # noqa: BLE001 - whatever it is, the memory is ahead now
            self._failure = error
        else:
            self._settled_count += len(batch)
        finally:
            self._writing = None

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
            # A file of somebody else's must be told before anything is written to it.
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


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
