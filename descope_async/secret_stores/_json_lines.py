"""``jsonl:FILE``: a file to which a line is added for each secret. The quickest store."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from descope_async._files.locks import lock_held
from descope_async._files.private_files import Access
from descope_async._files.private_folders import make_folder
from descope_async.errors import ConfigurationError

from ._append_log import AppendLog
from ._errors import SecretStoreError
from ._folder_checks import check_folder, check_ignored_by_git
from ._group_commit import GroupCommit
from ._store import SecretEntry

_BLOCK: Final = 64 * 1024
_encode: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class JsonLinesStore:
    """A file of JSON objects: ``id``, ``name``, ``label``, ``fingerprint`` and ``cleartext``.

    The last line about a key counts. Secrets that are written at the same time share one fsync.

    Args:
        location: The file; a place in it is ``FILE#KEY-ID``.
    """

    def __init__(self, location: str) -> None:
        file = location.partition("#")[0]
        if "{" in file or not file:
            raise ConfigurationError(f"jsonl:{location}: one file holds all secrets; name it")
        self._path = Path(file).absolute()
        self._log: AppendLog | None = None
        self._commits: GroupCommit | None = None
        self._opening = threading.Lock()
        self._adding = threading.Lock()

    def place(self, key_id: str, label: str) -> str:
        """The file and the key's id."""
        return f"jsonl:{self._path}#{key_id}"

    def check(self, keys: int) -> None:
        """See whether the file can be written and is not committed."""
        store = f"jsonl:{self._path}"
        is_new = not os.path.lexists(self._path)
        check_folder(self._path.parent, Access(), keys, store, listed=True, gets_files=is_new)
        check_ignored_by_git(self._path, store)
        if is_new:
            return
        try:
            bits = os.fstat(self._open().descriptor).st_mode
        except OSError as error:
            raise SecretStoreError(store, error.strerror or type(error).__name__) from None
        if bits & 0o077:
            raise SecretStoreError(store, f"others can read it; close it: chmod 0600 {self._path}")

    def is_free(self, place: str) -> bool:
        """Whether there is room: always, since lines are only added."""
        return True

    def put(self, place: str, entry: SecretEntry, *, overwrite: bool, pending: bool) -> None:
        """Add a line, which is on the disk when this returns."""
        try:
            log = self._open()
            log.sync(self._add(log, entry))
        except OSError as error:
            raise SecretStoreError(place, error.strerror or type(error).__name__) from None

    async def put_awaited(self, place: str, entry: SecretEntry) -> bool:
        """As `put`, while the event loop goes on. Secrets that wait together share one fsync.

        Returns:
            Whether that was done. If not, the file is to be opened first, or another run writes to
            it at the moment, and `put` waits for that.

        Raises:
            SecretStoreError: The file cannot be written.
        """
        if self._log is None:
            return False
        self._commits = self._commits or GroupCommit(self._log)
        try:
            self._add(self._log, entry, waits=False)
            await self._commits.sync()
        except BlockingIOError:
            return False
        except OSError as error:
            raise SecretStoreError(place, error.strerror or type(error).__name__) from None
        return True

    def get(self, place: str, *, pending: bool = False) -> str:
        """The secret in the last line about the key."""
        key_id = place.partition("?")[0].rpartition("#")[2]
        try:
            for line in _lines_from_the_end(self._path):
                if key_id.encode() in line and (found := _parsed(line)).get("id") == key_id:
                    return str(found["cleartext"])
        except OSError as error:
            raise SecretStoreError(place, error.strerror or type(error).__name__) from None
        raise SecretStoreError(place, "the file has no such key")

    def promote(self, place: str, key_id: str) -> None:
        """Do nothing: the secrets of a key and of its successor are lines of their own."""

    def _open(self) -> AppendLog:
        with self._opening:
            if self._log is None:
                make_folder(self._path.parent)
                self._log = AppendLog(self._path)
            return self._log

    def _add(self, log: AppendLog, entry: SecretEntry, *, waits: bool = True) -> int:
        """Add a line, and return the size of the file after it."""
        value = {
            "id": entry.key_id,
            "name": entry.name,
            "label": entry.label,
            "fingerprint": entry.fingerprint,
            "cleartext": entry.cleartext,
        }
        line = _encode(value).encode() + b"\n"
        # The threads of this process have one open file, so its lock keeps only others away.
        if not self._adding.acquire(blocking=waits):
            raise BlockingIOError
        try:
            with lock_held(log.descriptor, waits=waits):  # other runs may write to it too
                if not _ends_a_line(log.descriptor):
                    line = b"\n" + line  # after a line whose writer was killed
                return log.write(line)
        finally:
            self._adding.release()


def _ends_a_line(descriptor: int) -> bool:
    """Whether a line that is added to a file begins a new one."""
    size = os.fstat(descriptor).st_size
    return not size or os.pread(descriptor, 1, size - 1) == b"\n"


def _parsed(line: bytes) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(line)
    except ValueError:
        return {}
    return found if "cleartext" in found else {}


def _lines_from_the_end(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        position = file.seek(0, os.SEEK_END)
        rest = b""
        while position:
            size = min(_BLOCK, position)
            position -= size
            file.seek(position)
            first, *lines = (file.read(size) + rest).split(b"\n")
            yield from reversed(lines)
            rest = first
        yield rest
