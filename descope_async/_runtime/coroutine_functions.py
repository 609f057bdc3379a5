"""Which of the functions that a user gives are to be awaited."""

from __future__ import annotations

import inspect


def is_coroutine_function(value: object) -> bool:
    """Whether a call of it gives a coroutine.

    That of a plain function may give one as well, which shows only when it is called.
    """
    # An object may be callable by a method of its class.
    method = getattr(type(value), "__call__", None)  # noqa: B004 - what is asked is not whether it can be called
    return inspect.iscoroutinefunction(value) or inspect.iscoroutinefunction(method)
