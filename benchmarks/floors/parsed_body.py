"""The floors of a search's body: `json.loads`, in time and in memory.

No key becomes a value, nothing is checked, and the event loop stands still meanwhile.
"""

from __future__ import annotations

import gc
import json
import tracemalloc
from typing import Any


def parse(body: bytes) -> Any:
    """The document."""
    return json.loads(body)


def size(body: bytes) -> float:
    """Bytes that the document holds."""
    gc.collect()
    tracemalloc.start()
    try:
        document = parse(body)
        held = tracemalloc.get_traced_memory()[0]
        del document
        return held
    finally:
        tracemalloc.stop()
