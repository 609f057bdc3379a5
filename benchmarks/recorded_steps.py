"""Which functions of a package are called, one after the other, and in which rooms they are."""

from __future__ import annotations

import dis
import sys
import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from types import FrameType
from typing import Final

from attrs import frozen

#: Python 3.12 and newer make no frames for these.
_COMPREHENSIONS: Final = {"<listcomp>", "<dictcomp>", "<setcomp>"}
#: The bits of RESUME's argument that say where: 0 at the start of a frame, else after a yield or await.
_WHERE: Final = 3


@frozen
class Step:
    """A function that was called.

    Attributes:
        room: The path of its module below the package.
        function: Its qualified name.
    """

    room: str
    function: str

    @property
    def name(self) -> str:
        """The name of its module, without what marks it as private."""
        return self.room.rpartition("/")[-1].lstrip("_")


@frozen
class Walk:
    """Functions that were called, in this order."""

    steps: tuple[Step, ...]

    @property
    def rooms(self) -> int:
        """How many rooms it visits."""
        return len({step.room for step in self.steps})

    @property
    def changes(self) -> int:
        """How many steps are in another room than the step before."""
        return sum(before.room != after.room for before, after in pairwise(self.steps))

    @property
    def re_entries(self) -> int:
        """How many changes lead to a room that was visited before."""
        return self.changes - max(self.rooms - 1, 0)

    def without(self, names: Collection[str]) -> Walk:
        """The same walk past all rooms of these names, wherever in the package they are."""
        return Walk(tuple(step for step in self.steps if step.name not in names))


@contextmanager
def recording(inside: Path, outside: Path | None = None) -> Iterator[list[Step]]:
    """Record the steps of all that runs on this thread, or on those that `Profile` follows.

    Args:
        inside: The folder of the package whose functions are steps.
        outside: A folder below it whose functions are none; None for no such folder.
    """
    steps: list[Step] = []
    rooms: dict[str, str | None] = {}

    def room_of(file: str) -> str | None:
        path = Path(file)
        if not path.is_relative_to(inside) or (outside and path.is_relative_to(outside)):
            return None
        return path.relative_to(inside).with_suffix("").as_posix()

    def note(frame: FrameType, event: str, _: object) -> None:
        if event != "call":
            return
        code = frame.f_code
        if code.co_filename not in rooms:
            rooms[code.co_filename] = room_of(code.co_filename)
        room = rooms[code.co_filename]
        if room is not None and code.co_name not in _COMPREHENSIONS and _starts(frame):
            steps.append(Step(room, code.co_qualname))

    if Profile.follows_threads:
        Profile.note = note
    else:
        sys.setprofile(note)
    try:
        yield steps
    finally:
        sys.setprofile(None)
        Profile.note = None


class Profile:
    """Lets a recording follow threads that were started before it began.

    Attributes:
        follows_threads: Whether it does.
        note: What a recording notes with; None between recordings.
    """

    follows_threads = False
    note: Callable[[FrameType, str, object], None] | None = None

    @classmethod
    @contextmanager
    def of_threads(cls) -> Iterator[None]:
        """Follow all threads that are started while the block runs, until its end."""

        def follow(frame: FrameType, event: str, argument: object) -> None:
            if cls.note:
                cls.note(frame, event, argument)

        cls.follows_threads = True
        threading.setprofile(follow)
        try:
            yield
        finally:
            threading.setprofile(None)
            cls.follows_threads = False


def _starts(frame: FrameType) -> bool:
    """Whether a frame starts; else it is resumed, or an exception is thrown into it."""
    operation, argument = frame.f_code.co_code[frame.f_lasti : frame.f_lasti + 2]
    return operation == dis.opmap["RESUME"] and not argument & _WHERE
