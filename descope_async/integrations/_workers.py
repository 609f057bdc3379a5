"""Whether this process is one of several that serve the same application."""

from __future__ import annotations

import multiprocessing
import os
import re
import shlex
import sys
from typing import Final

from descope_async import DescopeClient

__all__ = ["may_be_several", "problems_with_proofs"]

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


def problems_with_proofs(origin: str | None, client: DescopeClient) -> list[str]:
    """The settings that let a caller use a proof twice or elsewhere, as one sentence each."""
    found: list[str] = []
    if origin is None:
        found.append(
            "DPoP proofs are compared with the Host header, which callers choose: set origin, or "
            "let another part refuse unknown hosts"
        )
    if not client.has_replay_store and may_be_several():
        found.append(
            "there may be several worker processes, and each remembers used DPoP proofs for itself: "
            "give the client a replay_store that they share"
        )
    return found


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() else 0


def _split(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:  # an open quote
        return text.split()
