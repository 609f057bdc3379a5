"""A value that shows itself only when asked, and the check of one that is a key."""

from __future__ import annotations

from collections.abc import Collection
from typing import Generic, NoReturn, TypeVar, cast

from descope_async.errors import InvalidArgument
from descope_async.secret_stores import _stored_text as stored_text

T_co = TypeVar("T_co", covariant=True)


class Secret(Generic[T_co]):
    """Holds a key or a token, so that logs and tracebacks do not show it."""

    __slots__ = ("_value",)

    def __init__(self, value: T_co) -> None:
        self._value = value

    def reveal(self) -> T_co:
        """The value. Use it within an expression: a local variable would show it again."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(…)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not pickled or copied")


def credential(what: str, given: Secret[object], variables: Collection[str] = ()) -> Secret[str]:
    """A key to send in a header, without what editors, shells and files leave around it.

    Args:
        what: How an error begins: the name of a parameter, or where the key was read.
        given: What a caller passed, or what was read.
        variables: The environment variables of the setting; none for an access key.

    Raises:
        InvalidArgument: It cannot be a key. The message shows no part of it.
    """
    # Returns the problem instead of raising it, so that no traceback has a frame that holds the
    # key.
    problem = stored_text.problem(given.reveal(), variables)
    if problem:
        raise InvalidArgument(f"{what} {problem}")
    return Secret(stored_text.cleaned(cast("str", given.reveal())))
