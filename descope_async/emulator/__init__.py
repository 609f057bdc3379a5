"""A local Descope: really signed tokens, true semantics, no network.

async with Emulator() as emulator:
    client = DescopeClient(
        emulator.project_id, emulator.management_key, base_url=emulator.base_url
    )
"""

from __future__ import annotations

from ._faults.fault import Fault
from ._faults.matching import FaultCount, Faults
from .clock import Clock
from .credentials import ProjectCredentials
from .emulator import Emulator
from .errors import EmulatorError, NotStarted
from .request_log import RecordedRequest, RequestLog
from .token_shapes import TokenShape

__all__ = [
    "Clock",
    "Emulator",
    "EmulatorError",
    "Fault",
    "FaultCount",
    "Faults",
    "NotStarted",
    "ProjectCredentials",
    "RecordedRequest",
    "RequestLog",
    "TokenShape",
]
