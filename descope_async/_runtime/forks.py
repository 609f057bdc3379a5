"""What a forked child must not take over from its parent."""

from __future__ import annotations

import os
from typing import Final, Protocol
from weakref import WeakSet


class Forgetful(Protocol):
    """Holds a lock, a connection or a task, of which the child has only the memory."""

    def forget(self) -> None:
        """In a forked child, start clean. Nobody else runs there yet."""
        ...


def forget_in_child(holder: Forgetful) -> None:
    """Have this one called in every forked child, for as long as it lives."""
    _HOLDERS.add(holder)


def never_collect(things: object) -> None:
    """Keep something of the parent's from being collected in the child, even as that exits."""
    _KEPT.append(things)


_HOLDERS: Final[WeakSet[Forgetful]] = WeakSet()
#: The interpreter refers to `_forget_all` to its very end, and so to this.
_KEPT: Final[list[object]] = []


def _forget_all() -> None:
    for holder in list(_HOLDERS):
        holder.forget()


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_forget_all)
