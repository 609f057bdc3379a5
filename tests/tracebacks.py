"""What a report of an error shows, if it shows the local variables of every frame."""

from __future__ import annotations

import traceback


def shown(error: BaseException, *, without: str) -> str:
    """The text of an error and of those it came from, with their attributes and all local variables.

    Args:
        error: The error.
        without: The file of a test, whose own frames hold the secrets that it looks for.
    """
    text = list[str]()
    seen = set[int]()
    pending: list[BaseException | None] = [error]
    while pending:
        each = pending.pop()
        if each is None or id(each) in seen:
            continue
        seen.add(id(each))
        text += [repr(each), repr(vars(each))]
        text += [
            f"{frame.f_code.co_qualname}: {frame.f_locals!r}"
            for frame, _ in traceback.walk_tb(each.__traceback__)
            if frame.f_code.co_filename != without
        ]
        pending += [each.__cause__, each.__context__]
    return "\n".join(text)
