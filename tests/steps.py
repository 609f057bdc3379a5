"""How much work a call is, in steps of the interpreter: the same on a busy machine as on an idle one."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any


def steps(function: Callable[..., object], *arguments: object) -> int:
    """The lines that a call executes and the functions that it calls, those written in C included."""
    count = 0

    def profile(_: FrameType, __: str, ___: Any) -> None:
        nonlocal count
        count += 1

    def trace(_: FrameType, __: str, ___: Any) -> Any:
        nonlocal count
        count += 1
        return trace

    sys.setprofile(profile)
    tracing = sys.gettrace()
    sys.settrace(trace)
    try:
        function(*arguments)
    finally:
        sys.settrace(tracing)
        sys.setprofile(None)
    return count
