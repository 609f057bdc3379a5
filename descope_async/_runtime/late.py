"""Attributes whose values are made when they are first asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar, overload

T = TypeVar("T")


class late(Generic[T]):  # noqa: N801 - it is used as `property` is
    """A property that is computed once, and an attribute from then on.

    What the function raises is raised to whoever asked, and the next one asks again. Unlike
    `functools.cached_property` of Python 3.11 it has no lock, which a forked child could find locked.
    Threads that ask at once may each compute the value, but all get the same one.
    """

    def __init__(self, make: Callable[[Any], T]) -> None:
        self._make = make
        self._name = make.__name__
        self.__doc__ = make.__doc__

    @overload
    def __get__(self, holder: None, owner: type) -> late[T]: ...

    @overload
    def __get__(self, holder: object, owner: type) -> T: ...

    def __get__(self, holder: object | None, owner: type) -> late[T] | T:
        if holder is None:
            return self
        # Python finds the value in the object's dict before it asks here again.
        made: T = vars(holder).setdefault(self._name, self._make(holder))
        return made
