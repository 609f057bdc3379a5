"""Tells of calls that were not awaited, and so never made."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Coroutine, Generator
from functools import wraps
from typing import Any, TypeVar

from .errors import EmulatorError

T = TypeVar("T")


class ForgottenCalls:
    """The names of methods that were called and not awaited, until somebody is told."""

    def __init__(self) -> None:
        self._names: list[str] = []

    def add(self, name: str) -> None:
        """Note the method of a call that was not awaited."""
        self._names.append(name)

    def tell(self) -> None:
        """Tell of the calls, once.

        Raises:
            EmulatorError: There were some.
        """
        names, self._names = self._names, []
        if names:
            calls = ", ".join(f"{name}()" for name in dict.fromkeys(names))
            raise EmulatorError(
                f"{calls} was called without await, so it has not happened: write await before it"
            )


def watch(cls: type, calls_of: Callable[[Any], ForgottenCalls]) -> None:
    """Let every public coroutine method of a class note that a call of it was not awaited.

    Args:
        cls: The class.
        calls_of: Where an object of the class notes such calls.
    """
    for name, method in list(vars(cls).items()):
        if inspect.iscoroutinefunction(method) and not name.startswith("_"):
            setattr(cls, name, _watched(name, method, calls_of))


def _watched(
    name: str,
    method: Callable[..., Coroutine[Any, Any, Any]],
    calls_of: Callable[[Any], ForgottenCalls],
) -> Callable[..., Coroutine[Any, Any, Any]]:
    @wraps(method)
    def call(self: Any, *args: Any, **kwargs: Any) -> Coroutine[Any, Any, Any]:
        return _Call(method(self, *args, **kwargs), calls_of(self), name)

    if mark := getattr(inspect, "markcoroutinefunction", None):  # since Python 3.12
        mark(call)
    return call


class _Call(Coroutine[Any, Any, T]):
    """A coroutine that notes when it is thrown away before it began."""

    def __init__(
        self, coroutine: Coroutine[Any, Any, T], forgotten: ForgottenCalls, name: str
    ) -> None:
        self._coroutine = coroutine
        self._forgotten = forgotten
        self._name = name
        self._has_begun = False

    def __await__(self) -> Generator[Any, Any, T]:
        self._has_begun = True
        return self._coroutine.__await__()

    def send(self, value: Any) -> Any:
        self._has_begun = True
        return self._coroutine.send(value)

    def throw(self, *args: Any) -> Any:
        self._has_begun = True
        return self._coroutine.throw(*args)

    def close(self) -> None:
        self._has_begun = True
        self._coroutine.close()

    def __del__(self) -> None:
        if not self._has_begun:
            self._forgotten.add(self._name)
