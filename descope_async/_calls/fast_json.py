"""A quicker decoder for long lists, where msgspec is installed: the extra ``fast``.

It reads the same values as `json`, or refuses a text. What it refuses, such as half a surrogate pair
or a number beyond every float, is left to `pieces`, which reads every answer where msgspec is missing.
So an answer means the same with it and without it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Final, TypeAlias

from descope_async._runtime.imports_aside import imported
from descope_async._runtime.late_imports import late_import

from .pieces import WINDOW

ListDecoder: TypeAlias = Callable[[str], list[Any]]

_IS_INSTALLED: Final = find_spec("msgspec") is not None
#: Old versions read it as a float.
_LARGE: Final = 2**64 + 1


async def list_decoder(size: int) -> ListDecoder | None:
    """A decoder for the list in an answer of so many bytes; None to do without.

    The import is made for a large answer only.
    """
    if not _IS_INSTALLED or (size <= WINDOW and not _import.is_done):
        return None
    await imported(_import)
    return _decoder()


@late_import
def _import() -> None:
    with suppress(Exception):  # whatever is wrong with it, the answer can be read without it
        import_module("msgspec.json")


def _decoder() -> ListDecoder | None:
    try:
        decode: ListDecoder = sys.modules["msgspec.json"].Decoder(list[Any]).decode
        return decode if decode(f"[{_LARGE}]") == [_LARGE] else None
    except Exception:  # noqa: BLE001 - as above
        return None
