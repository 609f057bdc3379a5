"""``python -m descope_async.cli``."""

from __future__ import annotations

from . import main

main()
