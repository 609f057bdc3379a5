"""The floor of the longest pause in a search: one full garbage collection of what was found.

For each key there is one object with its members as `json` decodes them, but without lists. No module
can turn the collector off for a whole process.
"""

from __future__ import annotations

import gc
import time
from typing import Any


class _Key:
    __slots__ = tuple(f"member_{number}" for number in range(16))


def pause(documents: list[dict[str, Any]]) -> float:
    """Seconds of processor time that a collection takes while these keys are there."""
    kept: list[_Key] = []
    while documents:
        members = [item for item in documents.pop().values() if not isinstance(item, list)]
        key = _Key()
        for name, item in zip(_Key.__slots__, members, strict=False):
            setattr(key, name, item)
        kept.append(key)
    gc.collect()
    start = time.process_time()
    gc.collect()
    taken = time.process_time() - start
    del kept
    return taken
