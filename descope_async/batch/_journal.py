"""The journal of a run: a file that says what is planned and what was done. It holds no secret."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
import socket
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final, Self

from descope_async._files.locks import lock, require_locks
from descope_async.secret_stores._append_log import AppendLog
from descope_async.secret_stores._group_commit import GroupCommit

from ._errors import JournalError, JournalLocked, JournalMismatch
from ._journal_lines import LINE_END, Record, encode, read, text
from ._ledger import Ledger

_FORMAT: Final = "descope-batch"
_VERSION: Final = 1
#: How every journal begins, also one whose first line was cut while it was written.
_BEGIN: Final = f'{{"journal":"{_FORMAT}"'.encode()
#: Lines that are about the run, and not about how far a key has come.
_OF_THE_RUN: Final = frozenset({"plan", "begin", "open", "close"})
_HOST: Final = socket.gethostname()
_FINGERPRINT: Final = 16


class Journal:
    """An open journal. No other process can open it meanwhile.

    A line is written at once, so it survives a kill of this process. `sync` lets all lines survive
    the end of the machine.

    Attributes:
        path: The file.
        header: The first line: what the run is about. Empty in a new journal.
        ledger: How far each key has come.
        is_begun: Whether the plan is complete, so that calls may have been made.
    """

    def __init__(self, path: Path, log: AppendLog, now: Callable[[], float]) -> None:
        self.path = path
        self.header: dict[str, Any] = {}
        self.ledger = Ledger()
        self.is_begun = False
        self._log = log
        self._commits = GroupCommit(log)
        self._now = now
        self._checksum = 0
        self._size = 0
        self._owner: dict[str, Any] | None = None
        self._plan_digest = hashlib.sha256()

    @classmethod
    def open(cls, path: Path, now: Callable[[], float], *, takeover: bool = False) -> Self:
        """Open or make a journal, and read what is in it.

        Args:
            path: The file.
            now: Tells epoch seconds.
            takeover: Whether to go on with one that another machine had opened and never closed.

        Raises:
            JournalLocked: Another process has it open.
            JournalDamaged: It was changed.
            JournalMismatch: It is no journal, or one of another version.
            JournalError: It cannot be opened or read.
            ConfigurationError: This system has no locks of files.
        """
        require_locks("a run over many keys")
        try:
            log = AppendLog(path)
        except OSError as error:
            raise JournalError(path, f"cannot be opened: {_reason(error)}") from None
        try:
            try:
                lock(log.descriptor)
            except OSError:
                raise JournalLocked(path, f"is in use by {_last_owner(path)}") from None
            _check_place(path, log)
            os.fchmod(log.descriptor, 0o600)
            journal = cls(path, log, now)
            journal._replay(takeover=takeover)
        except BaseException:
            log.close()
            raise
        return journal

    def _replay(self, *, takeover: bool) -> None:
        try:
            take = self.ledger.apply
            for record, body, offset, checksum in read(self.path):
                if not self.header:
                    self._check_format(record)
                    self.header = record
                elif record["k"] in _OF_THE_RUN:
                    self._take(record, body)
                    take(record, offset)
                else:
                    take(record, offset)
                self._checksum = checksum
                self._size = offset + len(body) + LINE_END
            begin = os.pread(self._log.descriptor, len(_BEGIN), 0)
            if not self.header and not _BEGIN.startswith(begin):
                raise JournalMismatch(self.path, "is another file: its first line is no header")
            self._log.truncate(self._size)
        except OSError as error:
            raise JournalError(self.path, f"cannot be read: {_reason(error)}") from None
        if self._owner and self._owner["host"] != _HOST and not takeover:
            raise JournalLocked(
                self.path,
                f"was opened by {_named(self._owner)} and never closed; if that process is gone "
                "for sure, pass takeover=True",
            )

    def _take(self, record: Record, body: bytes) -> None:
        match record["k"]:
            case "plan":
                self._plan_digest.update(body)
            case "begin":
                self.is_begun = True
            case "open":
                self._owner = record
            case _:
                self._owner = None

    def _check_format(self, record: Record) -> None:
        if record.get("journal") != _FORMAT:
            raise JournalMismatch(self.path, "is another file: its first line is no header")
        if record.get("version") != _VERSION:
            raise JournalMismatch(
                self.path, f"is of version {record.get('version')}; this package reads {_VERSION}"
            )

    def start(self, about: Record) -> None:
        """Begin a new journal, in place of one whose plan was never complete.

        Args:
            about: What the run is about.
        """
        self._truncate()
        self.header = {
            "journal": _FORMAT,
            "version": _VERSION,
            "run": secrets.token_hex(8),
            "salt": secrets.token_hex(16),
            "time": round(self._now(), 3),
            **about,
        }
        self._write([self.header])
        self.claim()

    def claim(self) -> None:
        """Note which process works with it."""
        self.note({"k": "open", "host": _HOST, "pid": os.getpid(), "time": round(self._now(), 3)})

    def plan(self, records: Iterable[Record]) -> None:
        """Add keys to the plan."""
        for body in self._write(records):
            self._plan_digest.update(body)

    def begin(self) -> None:
        """Note that the plan is complete. It is on the disk with the first intent, before any call."""
        self.note({"k": "begin", "items": len(self.ledger)})
        self.is_begun = True

    def note(self, *records: Record) -> None:
        """Add lines. They survive a kill of this process.

        Raises:
            JournalError: They cannot be written.
        """
        self._write(records)

    async def sync(self) -> None:
        """Call fsync, so that all lines survive a power cut.

        Raises:
            JournalError: They cannot be written.
        """
        try:
            await self._commits.sync()
        except OSError as error:
            raise JournalError(self.path, f"cannot be written: {_reason(error)}") from None

    def has_planned(self, records: Iterable[Record]) -> bool:
        """Whether the plan is of exactly these keys."""
        digest = hashlib.sha256()
        for record in records:
            digest.update(text(record))
        return digest.digest() == self._plan_digest.digest()

    def record_at(self, offset: int) -> dict[str, Any]:
        """The line that begins at an offset."""
        data = b""
        while not data.endswith(b"\n"):
            block = os.pread(self._log.descriptor, 4096, offset + len(data))
            if not block:
                break
            data += block
            end = data.find(b"\n")
            if end >= 0:
                data = data[: end + 1]
        found: dict[str, Any] = json.loads(data)
        return found

    def fingerprint(self, cleartext: str) -> str:
        """A keyed hash that tells this secret from others and does not reveal it."""
        salt = bytes.fromhex(self.header["salt"])
        return hmac.digest(salt, cleartext.encode(), "sha256").hex()[:_FINGERPRINT]

    def close(self) -> None:
        """Note that this process has ended its work, and release the lock. May be repeated."""
        if self._log.descriptor < 0:
            return
        try:
            if self.header:
                self.note({"k": "close"})
                self._log.sync()
        except (JournalError, OSError):
            pass  # the lock goes with this process, and the next one finds out what was done
        finally:
            self.release()

    def release(self) -> None:
        """Release the lock without a note, after the journal was only read."""
        self._log.close()

    def discard(self) -> None:
        """Remove a plan that was never complete. No call was made for it."""
        self._truncate()
        self.header = {}

    def _truncate(self) -> None:
        try:
            self._log.truncate(0)
        except OSError as error:
            raise JournalError(self.path, f"cannot be written: {_reason(error)}") from None
        self.ledger = Ledger()
        self._checksum = self._size = 0
        self._plan_digest = hashlib.sha256()

    def _write(self, records: Iterable[Record]) -> list[bytes]:
        """Write records, and return their texts without the checksums."""
        data, bodies = bytearray(), list[bytes]()
        checksum, offset = self._checksum, self._size
        placed: list[tuple[Record, int]] = []
        for record in records:
            bodies.append(body := text(record))
            line, checksum = encode(body, checksum)
            placed.append((record, offset + len(data)))
            data += line
        try:
            self._log.write(bytes(data))
        except OSError as error:
            raise JournalError(self.path, f"cannot be written: {_reason(error)}") from None
        self._checksum, self._size = checksum, offset + len(data)
        for record, where in placed:
            if "k" in record:
                self.ledger.apply(record, where)
        return bodies


def _last_owner(path: Path) -> str:
    owner: Record | None = None
    try:
        for record, *_ in read(path):
            if record.get("k") == "open":
                owner = record
    except (OSError, JournalError):
        pass
    return _named(owner) if owner else "another process"


def _check_place(path: Path, log: AppendLog) -> None:
    """Check that the file is still there: another process may have removed it.

    Raises:
        JournalError: It has not.
    """
    try:
        is_there = os.path.samestat(path.stat(), os.fstat(log.descriptor))
    except FileNotFoundError:
        is_there = False
    if not is_there:
        raise JournalError(path, "was removed meanwhile: run again")


def _named(owner: Record) -> str:
    return f"process {owner['pid']} of the host {owner['host']}"


def _reason(error: OSError) -> str:
    return error.strerror or type(error).__name__
