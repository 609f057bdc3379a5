"""Whether this process is one of several that serve the same application."""

from __future__ import annotations

import multiprocessing
import os
import re
import shlex
import sys
from typing import Final

__all__ = ["may_be_several"]

_OPTION: Final = re.compile(r"(?:-w|--workers)(?:[= ]?)([0-9]+)")


def may_be_several() -> bool:
    """Whether there may be several worker processes, as far as a worker can see.

    Looked at are ``WEB_CONCURRENCY``, the option ``--workers`` of uvicorn, gunicorn, hypercorn and
    granian, ``GUNICORN_CMD_ARGS``, and whether this process was started by `multiprocessing`
    without an option that asks for one reloaded worker. What a server reads from a file of its own is
    not seen.
    """
    if _number(os.environ.get("WEB_CONCURRENCY", "")) > 1:
        return True
    arguments = [*sys.argv[1:], *_split(os.environ.get("GUNICORN_CMD_ARGS", ""))]
    workers = _OPTION.findall(" ".join(arguments))
    if workers:
        return any(int(each) > 1 for each in workers)
    return multiprocessing.parent_process() is not None and "--reload" not in arguments


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() else 0


def _split(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:  # an open quote
        return text.split()
