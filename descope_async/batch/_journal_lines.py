"""The lines of a journal: each ends in a checksum over itself and all lines before it."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from attrs import frozen

from ._errors import JournalDamaged, JournalMismatch

_CHECKSUM: Final = b',"crc":"'
#: The checksum's member with its quotes, the closing brace and the line end.
_END: Final = len(_CHECKSUM) + 8 + 3

Record = Mapping[str, Any]


@frozen
class Line:
    """A line that is as it was written.

    Attributes:
        record: What it says.
        offset: Where it begins in the file.
        end: Where the next one begins.
        checksum: Of this line and all before it.
    """

    record: dict[str, Any]
    offset: int
    end: int
    checksum: int


def encode(record: Record, checksum: int) -> tuple[bytes, int]:
    """A record as a line, and the checksum with which the next line begins."""
    body = json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode()[:-1]
    checksum = zlib.crc32(body, checksum)
    return b'%b%b%08x"}\n' % (body, _CHECKSUM, checksum), checksum


def read(path: Path) -> Iterator[Line]:
    """The lines of a journal, without one at the end that was cut while it was written.

    Raises:
        JournalDamaged: A line was changed, or lines are missing before it.
        JournalMismatch: It is another kind of file.
        OSError: It cannot be read.
    """
    checksum = offset = 0
    crc32, loads = zlib.crc32, json.loads
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            body = line[:-_END]
            found = crc32(body, checksum)
            if line[-_END:] != b'%b%08x"}\n' % (_CHECKSUM, found):
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
            end = offset + len(line)
            yield Line(loads(body + b"}"), offset, end, found)
            checksum, offset = found, end


def _is_tail(line: bytes, after: bytes) -> bool:
    """Whether a line is the last one, of which the end was never written."""
    return not after and (not line.endswith(b"\n") or not line.strip(b"\0\n"))
