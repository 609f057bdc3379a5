"""``descope-keys`` in a process that begins with everything imported, so that it takes no second to start."""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Mapping, Sequence
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Final

_CONTEXT: Final = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload([
    "__main__", "aiohttp", "yaml", "descope_async.batch", "descope_async.cli.app",
    "descope_async.cli.unfinished_runs", "descope_async.cli.manifest.commands",
    "descope_async.cli.parameters", "tests.cli.forked_command",
])  # fmt: skip


def forked(
    arguments: Sequence[str], environment: Mapping[str, str], out: Path
) -> ForkServerProcess:
    """A command that has begun. What it writes is in a file."""
    process = _CONTEXT.Process(target=_command, args=(arguments, environment, out))
    process.start()
    return process


def _command(arguments: Sequence[str], environment: Mapping[str, str], out: Path) -> None:
    from descope_async.cli import main

    descriptor = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for stream in (1, 2):
        os.dup2(descriptor, stream)
    os.environ.update(environment)
    sys.argv = ["descope-keys", *arguments]
    main()
