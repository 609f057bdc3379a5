"""Late imports on a worker thread, so that an event loop goes on meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Final, TypeVar

from .callables import TookTooLong, call_within
from .forks import IMPORT
from .late_imports import LateImport, import_all, is_all_imported
from .single_flight import SingleFlight, runs_asyncio

T = TypeVar("T")


async def imported(late: LateImport[T]) -> T:
    """What a late import returns. Without an asyncio loop it is made on this thread."""
    while not late.is_done and runs_asyncio():
        await _UNDER_WAY.join(partial(aside, late))
    return late()


async def all_imported() -> None:
    """Make all late imports, unless they are made."""
    while not is_all_imported() and runs_asyncio():
        await _UNDER_WAY.join(partial(aside, import_all))


async def aside(work: Callable[[], object]) -> bool:
    """Do on a worker thread what would hold the loop up, and wait for it, half a minute at most.

    Returns:
        True, also when the work has not ended.

    Raises:
        Exception: What the work raises.
    """

    def run(_: None) -> None:
        work()

    with suppress(TookTooLong):
        await call_within(IMPORT, run, None)
    return True


#: One thread for all that need something imported.
_UNDER_WAY: Final = SingleFlight[bool]()
