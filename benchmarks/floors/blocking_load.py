"""The floor of a blocking load: a pooled `httpx.Client` and `json.loads`.

It gives no typed value, maps no error, and has no time limit for the whole call.
"""

from __future__ import annotations

import json
from typing import Any

import httpx


def get(client: httpx.Client, url: str) -> Any:
    """A document."""
    return json.loads(client.get(url).content)
