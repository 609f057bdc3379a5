"""The errors that end a run before its time, with its report."""

from __future__ import annotations

from ._errors import BatchError
from ._report import BatchReport


class BatchStopped(BatchError):
    """A run ended before all was done. The same call with the same journal goes on with it.

    Args:
        message: Why.
        report: How far it came.

    Attributes:
        report: How far it came.
        unsaved: By key id, secrets that no sink took, and not even the rescue file: keep them.
    """

    def __init__(self, message: str, report: BatchReport) -> None:
        super().__init__(message)
        self.report = report
        self.unsaved: dict[str, str] = {}

    def __reduce__(self) -> tuple[type[BatchStopped], tuple[str, BatchReport]]:
        return type(self), (str(self), self.report)


class BatchInterrupted(BatchStopped):
    """A signal ended a run: no call was begun after it, and those under way were waited for."""
