"""The lines of a journal: each ends in a checksum over itself and all lines before it."""

from __future__ import annotations

import json
import stat
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from descope_async._files.private_files import NO_FILE

from ._errors import JournalDamaged, JournalError, JournalMismatch

_CHECKSUM: Final = b',"crc":"'
#: The checksum's member with its quotes, the closing brace and the line end.
LINE_END: Final = len(_CHECKSUM) + 8 + 3

#: Made once, because `json.dumps` makes one for each record.
_encode: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode

Record = dict[str, Any]


def require(path: Path) -> None:
    """Check that there is a journal.

    Raises:
        JournalError: There is none, or it may not be opened, or it is a device or a pipe.
    """
    try:
        bits = path.stat().st_mode
    except FileNotFoundError:
        raise JournalError(path, "does not exist") from None
    except OSError as error:
        raise JournalError(path, f"cannot be opened: {error.strerror}") from None
    if not stat.S_ISREG(bits):
        raise JournalError(path, f"cannot be opened: {NO_FILE}")


def text(record: Record) -> bytes:
    """A record as JSON, without its closing brace."""
    return _encode(record).encode()[:-1]


def encode(body: bytes, checksum: int) -> tuple[bytes, int]:
    """The text of a record as a line, and the checksum with which the next line begins."""
    checksum = zlib.crc32(body, checksum)
    return b'%b%b%08x"}\n' % (body, _CHECKSUM, checksum), checksum


def read(path: Path) -> Iterator[tuple[Record, bytes, int, int]]:
    """The lines of a journal, without one at the end that was cut while it was written.

    Yields:
        For each line: what it says, its text without the checksum, where it begins, and the
        checksum of it and all before it.

    Raises:
        JournalDamaged: A line was changed, or lines are missing before it.
        JournalMismatch: It is another kind of file.
        OSError: It cannot be read.
    """
    checksum = offset = 0
    crc32, loads = zlib.crc32, json.loads
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            body = line[:-LINE_END]
            checksum = crc32(body, checksum)
            if line[-LINE_END:] != b'%b%08x"}\n' % (_CHECKSUM, checksum):
                if _is_tail(line, file.read(1)):
                    return
                if number == 1:
                    raise JournalMismatch(path, "is another file: its first line is no header")
                raise JournalDamaged(
                    path,
                    f"is not as it was written from line {number} on. What was done after the line "
                    f"before it can be found out anew: keep a copy, cut the file to its first "
                    f"{number - 1} lines, and run again",
                )
            yield loads(line), body, offset, checksum
            offset += len(line)


def _is_tail(line: bytes, after: bytes) -> bool:
    """Whether a line is the last one and was cut while it was written."""
    return not after and (not line.endswith(b"\n") or not line.strip(b"\0\n"))
