"""Writes the tables of docs/explanation/faults.md."""

from __future__ import annotations

import asyncio

from .matrix import run
from .page import PAGE, page_with

PAGE.write_text(page_with(asyncio.run(run(blocking=False))))
