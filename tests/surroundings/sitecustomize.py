"""Changes to a process that an application or another library makes, made before anything else.

The session `surroundings` puts this folder on the path, and names in SURROUNDING what is changed.
"""

from __future__ import annotations

import asyncio
import os
from importlib import import_module


def apply_nest_asyncio() -> None:
    """Notebooks do so."""
    import_module("nest_asyncio").apply()


def inject_truststore() -> None:
    """Programs do so that use the certificates of the system."""
    import_module("truststore").inject_into_ssl()


def set_policy_of_uvloop() -> None:
    """Servers do so."""
    asyncio.set_event_loop_policy(import_module("uvloop").EventLoopPolicy())


CHANGES = {
    "nest_asyncio": apply_nest_asyncio,
    "truststore": inject_truststore,
    "uvloop": set_policy_of_uvloop,
}
if change := CHANGES.get(os.environ.get("SURROUNDING", "")):
    change()
