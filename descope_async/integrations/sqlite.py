"""Used DPoP proofs in a SQLite file, which all worker processes of one machine share."""

from __future__ import annotations

import os
import sqlite3
import threading
from pathlib import Path
from typing import Final

import anyio.to_thread

from descope_async import ReplayStoreFull
from descope_async._files.paths import file_path
from descope_async._runtime.clock import Clock

__all__ = ["SQLiteReplayStore"]

#: Seconds to wait for other processes, and between two removals of what is too old.
_PATIENCE, _TIDY_EVERY = 5.0, 10.0

_TABLE: Final = "CREATE TABLE IF NOT EXISTS used (id TEXT PRIMARY KEY, until REAL) WITHOUT ROWID"
#: One statement, so that of several processes with the same proof only one changes a row.
_USE: Final = """
    INSERT INTO used (id, until) VALUES (?, ?)
    ON CONFLICT (id) DO UPDATE SET until = excluded.until WHERE until <= ?
"""
_TIDY: Final = "DELETE FROM used WHERE until <= ?"


class SQLiteReplayStore:
    """The ``replay_store`` of clients in several processes on one machine.

    The file holds hashes of proofs, and is for its owner alone. It may be deleted while no process
    uses it. Give each process a store of its own with the same path: made before a fork, one is
    opened anew in the child.

    Args:
        path: The file. It is made if there is none; its folder must exist, on a local disk.
        clock: What time proofs are remembered by; None for this machine's.

    Raises:
        InvalidArgument: The path is none of a file.
    """

    def __init__(self, path: str | Path, *, clock: Clock | None = None) -> None:
        self._path = file_path("path", path)
        self._clock = Clock() if clock is None else clock
        self._lock = threading.Lock()
        self._opened: tuple[int, sqlite3.Connection] | None = None
        self._tidied_at = 0.0

    async def first_use(self, proof_id: str, seconds: int) -> bool:
        """Whether no process has used this proof before.

        Raises:
            ReplayStoreFull: The file cannot be written.
        """
        return await anyio.to_thread.run_sync(self._first_use, proof_id, seconds)

    def close(self) -> None:
        """Close the file. The next use opens it again."""
        with self._lock:
            opened, self._opened = self._opened, None
            if opened is not None and opened[0] == os.getpid():
                opened[1].close()

    def __repr__(self) -> str:
        return f"SQLiteReplayStore({str(self._path)!r})"

    def _first_use(self, proof_id: str, seconds: int) -> bool:
        now = self._clock.now()
        with self._lock:
            try:
                connection = self._connection()
                if now - self._tidied_at >= _TIDY_EVERY:
                    connection.execute(_TIDY, (now,))
                    self._tidied_at = now
                return connection.execute(_USE, (proof_id, now + seconds, now)).rowcount == 1
            except (sqlite3.Error, OSError) as error:
                problem = f"used proofs cannot be kept in {self._path}: {error}"
        raise ReplayStoreFull(problem, retry_after=1)

    def _connection(self) -> sqlite3.Connection:
        process = os.getpid()
        if self._opened is None or self._opened[0] != process:
            os.close(os.open(self._path, os.O_CREAT | os.O_RDWR, 0o600))
            connection = sqlite3.connect(
                self._path, timeout=_PATIENCE, isolation_level=None, check_same_thread=False
            )
            # Proofs that are lost in a crash of the machine are too old to be used after its start.
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute(_TABLE)
            self._opened = process, connection
        return self._opened[1]
