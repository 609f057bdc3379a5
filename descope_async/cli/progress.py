"""How far a run is: a bar on a terminal, and a line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from .streams import say_more, telling

if TYPE_CHECKING:
    from descope_async.batch import Progress

#: Seconds between two lines where there is no terminal.
_EVERY: Final = 10.0


class ProgressLine:
    """Shows the progress of a run on stderr until its block ends."""

    def __init__(self) -> None:
        self._is_terminal = sys.stderr.isatty()
        self._width = 0
        self._next = time.monotonic() + _EVERY

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._width:
            _write("\r" + " " * self._width + "\r")

    def show(self, progress: Progress) -> None:
        """Show how far the run is."""
        text = _sentence(progress)
        if self._is_terminal:
            _write(f"\r{text:<{self._width}}")
            self._width = len(text)
        elif time.monotonic() >= self._next:
            self._next = time.monotonic() + _EVERY
            say_more(text)


def _write(text: str) -> None:
    with telling():
        sys.stderr.write(text)
        sys.stderr.flush()


def _sentence(progress: Progress) -> str:
    parts = [f"{progress.done} of {progress.total} done"]
    if progress.failed:
        parts.append(f"{progress.failed} failed")
    if progress.unknown:
        parts.append(f"{progress.unknown} under way")
    parts.append(f"{progress.rate:.1f}/s")
    if progress.seconds_left is not None:
        minutes, seconds = divmod(round(progress.seconds_left), 60)
        parts.append(f"{minutes}:{seconds:02} left")
    return ", ".join(parts)
