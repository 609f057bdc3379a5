"""The operations on access keys, as a table."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, Final, Generic, Literal, TypeVar

from attrs import AttrsInstance, frozen

from descope_async.models import CreatedAccessKey

from .found_keys import MAX_SEARCH
from .messages import Answer
from .wire import MAX_KEY, Done, KeyAnswer, KeysAnswer, read

V = TypeVar("V", bound=AttrsInstance)

_ROOT: Final = "/v1/mgmt/accesskey"


@frozen(eq=False, repr=False)
class Operation(Generic[V]):
    """What the service can do.

    Attributes:
        name: What errors and events call it.
        method: The HTTP method.
        path: The path below the base URL.
        answer: The class of its answer.
        leaves: The status that a key has afterwards, ``"deleted"`` for none; None where the status
            stays as it is.
        is_batch: Whether it takes several keys at once.
        max_body: Bytes that its answer may have.
    """

    name: str
    method: Literal["GET", "POST"]
    path: str
    answer: type[V]
    leaves: Literal["active", "inactive", "deleted"] | None = None
    is_batch: bool = False
    max_body: int = MAX_KEY

    def read(self, answer: Answer) -> Coroutine[Any, Any, V]:
        """Read the value that a successful answer holds.

        Raises:
            UnexpectedResponse: It is not the documented one.
        """
        # What changes a state may be confirmed without a word.
        is_silent = self.answer is Done and not answer.body.strip()
        return read(self.answer, b"{}" if is_silent else answer.body)


CREATE: Final = Operation("access_key.create", "POST", f"{_ROOT}/create", CreatedAccessKey)
LOAD: Final = Operation("access_key.load", "GET", _ROOT, KeyAnswer)
SEARCH: Final = Operation(
    "access_key.search", "POST", f"{_ROOT}/search", KeysAnswer, max_body=MAX_SEARCH
)
UPDATE: Final = Operation("access_key.update", "POST", f"{_ROOT}/update", KeyAnswer)
ROTATE: Final = Operation("access_key.rotate", "POST", f"{_ROOT}/rotate", CreatedAccessKey)
ACTIVATE: Final = Operation("access_key.activate", "POST", f"{_ROOT}/activate", Done, "active")
DEACTIVATE: Final = Operation(
    "access_key.deactivate", "POST", f"{_ROOT}/deactivate", Done, "inactive"
)
DELETE: Final = Operation("access_key.delete", "POST", f"{_ROOT}/delete", Done, "deleted")
ACTIVATE_BATCH: Final = Operation(
    "access_key.activate_batch", "POST", f"{_ROOT}/activate/batch", Done, "active", is_batch=True
)
DEACTIVATE_BATCH: Final = Operation(
    "access_key.deactivate_batch",
    "POST",
    f"{_ROOT}/deactivate/batch",
    Done,
    "inactive",
    is_batch=True,
)
DELETE_BATCH: Final = Operation(
    "access_key.delete_batch", "POST", f"{_ROOT}/delete/batch", Done, "deleted", is_batch=True
)
