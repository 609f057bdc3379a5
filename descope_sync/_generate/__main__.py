"""Run by path: ``python -P descope_sync/_generate [--check]``."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

if not __package__:  # as by path, which imports nothing of descope_sync
    sys.path.append(str(Path(__file__).resolve().parents[1]))
command = import_module(f"{__package__ or '_generate'}.command")
raise SystemExit(command.main(sys.argv[1:]))
