"""RequestLog: which requests came, for tests to assert on. No secret is ever in it."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Iterator
from typing import Any, Final

from attrs import field, frozen

from ._operations.routes import NAMES
from .errors import EmulatorError

__all__ = ["RecordedRequest", "RequestLog"]

_KEPT: Final = 10_000


@frozen(kw_only=True)
class RecordedRequest:
    """A request to one of the service's paths. Headers, bodies and queries are not kept.

    Attributes:
        operation: What was asked for, such as ``exchange``, ``key_set`` or ``access_key.create``;
            ``unknown`` for what the emulator has no answer to.
        method: The HTTP method; empty for one that HTTP does not define.
        path: The path, in which ``{project}`` stands for a project id; empty for a path that the
            emulator does not know, as there might be a secret in it.
        project_id: The project that it was for; empty for none, or for one that does not exist.
        status: The status of the answer; None if there was none.
        time: When it was answered: epoch seconds of the emulator's clock.
        request_id: The answer's ``x-request-id``; empty if there was no answer.
        seconds: How long the answer took.
        reason: Why the request was refused, or what a fault made of it; empty otherwise. What the
            answer quotes of the request is not in it.
    """

    operation: str
    method: str
    path: str
    project_id: str
    status: int | None
    time: float
    request_id: str
    seconds: float = field(default=0.0, eq=False)
    reason: str = field(default="", eq=False)

    def __str__(self) -> str:
        """One line: operation, status, time, and what was wrong."""
        line = f"{self.operation} {self.status or '---'} {self.seconds * 1000:.1f} ms"
        return f"{line} {self.reason}" if self.reason else line


def request_to_json(request: RecordedRequest) -> dict[str, Any]:
    """A request as the control door and the command line show it."""
    return {
        "time": request.time,
        "operation": request.operation,
        "method": request.method,
        "path": request.path,
        "projectId": request.project_id,
        "status": request.status,
        "seconds": round(request.seconds, 6),
        "requestId": request.request_id,
        "reason": request.reason,
    }


class RequestLog:
    """The last 10,000 requests, the oldest first, and the number of all.

    A request is in it before its answer leaves. It may be used from any thread.
    """

    def __init__(self) -> None:
        self._kept: deque[RecordedRequest] = deque(maxlen=_KEPT)
        self._counts: Counter[tuple[str, str, int | None]] = Counter()
        self._turn = threading.Lock()

    def __repr__(self) -> str:
        return f"<RequestLog of {self.count()}>"

    def __iter__(self) -> Iterator[RecordedRequest]:
        with self._turn:
            return iter(list(self._kept))

    def matching(
        self,
        operation: str | None = None,
        *,
        project_id: str | None = None,
        status: int | None = None,
    ) -> list[RecordedRequest]:
        """The requests that are kept and match all that is given; see `count`.

        Raises:
            EmulatorError: There is no such operation.
        """
        _refuse_unknown(operation)
        return [
            each
            for each in self
            if operation in {None, each.operation}
            and project_id in {None, each.project_id}
            and status in {None, each.status}
        ]

    def count(
        self,
        operation: str | None = None,
        *,
        project_id: str | None = None,
        status: int | None = None,
    ) -> int:
        """How many requests have come that match all that is given, also those that are not kept.

        Args:
            operation: Such as ``"exchange"``; None for any.
            project_id: A project; None for any or none.
            status: The status that they were answered with; None for any.

        Raises:
            EmulatorError: There is no such operation.
        """
        _refuse_unknown(operation)
        with self._turn:
            return sum(
                count
                for (named, project, answered), count in self._counts.items()
                if operation in {None, named}
                and project_id in {None, project}
                and status in {None, answered}
            )

    def clear(self) -> None:
        """Forget every request, and count from 0 again."""
        with self._turn:
            self._kept.clear()
            self._counts.clear()

    def add(self, request: RecordedRequest) -> None:
        """Keep a request, and count it."""
        with self._turn:
            self._kept.append(request)
            self._counts[request.operation, request.project_id, request.status] += 1


def _refuse_unknown(operation: str | None) -> None:
    if operation is not None and operation not in NAMES:
        known = ", ".join(sorted(NAMES))
        raise EmulatorError(f"operation must be one of {known}, not {operation!r}")
