"""A quicker decoder for long lists, where msgspec is installed: the extra ``fast``.

What it accepts means to it what it means to `json`. What it does not accept, such as half a surrogate
pair or a number beyond every float, is left to `pieces`, which reads it as it reads everything
without msgspec. So an answer means the same with it and without it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any, Final, TypeAlias

from descope_async._runtime.callables import TookTooLong, call_within
from descope_async._runtime.forks import no_fork_meanwhile

from .pieces import WINDOW

ListDecoder: TypeAlias = Callable[[str], list[Any]]

_MODULE: Final = "msgspec.json"
_IS_INSTALLED: Final = find_spec("msgspec") is not None
#: Seconds for the import, which takes a fiftieth of one.
_PATIENCE: Final = 10.0
#: Old versions read it as a float.
_LARGE: Final = 2**64 + 1


async def list_decoder(size: int) -> ListDecoder | None:
    """A decoder for the list in an answer of so many bytes; None to do without.

    The import is made for a large answer only, and on a worker thread, so that the event loop goes on
    meanwhile.
    """
    if not _IS_INSTALLED:
        return None
    if _MODULE not in sys.modules:
        if size <= WINDOW:
            return None
        try:
            await call_within(_PATIENCE, _load, None)
        except TookTooLong:
            return None
    return _load(None)


def _load(_: None) -> ListDecoder | None:
    try:
        with no_fork_meanwhile(_PATIENCE):
            from msgspec.json import Decoder
        decode = Decoder(list[Any]).decode
        return decode if decode(f"[{_LARGE}]") == [_LARGE] else None
    except Exception:  # noqa: BLE001 - whatever is wrong with it, the answer can be read without it
        return None
