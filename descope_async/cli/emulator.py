"""``descope-keys emulator``."""

from __future__ import annotations

import asyncio
import json
import logging
import shlex
import signal
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import click

from descope_async._runtime.end_signals import end_signals
from descope_async.emulator import Emulator, EmulatorError, RecordedRequest
from descope_async.emulator.request_log import request_to_json

from .streams import say

_LOGGER: Final = logging.getLogger("descope_async.emulator")


def serve(settings: Mapping[str, Any], *, env: bool, log: str | None) -> None:
    """Run an emulator until it is interrupted.

    Args:
        settings: What the emulator is constructed with.
        env: Whether to print only the variables to export.
        log: How requests are shown, ``"text"`` or ``"json"``; empty for not at all, None for text
            on a terminal.

    Raises:
        Exit: It cannot be started.
    """
    if log is None and sys.stderr.isatty():
        log = "text"
    if log:
        handler = logging.StreamHandler()  # to stderr: what is on stdout may be read by a shell
        handler.setFormatter(_JsonLines() if log == "json" else _TextLines())
        _LOGGER.addHandler(handler)
        _LOGGER.setLevel(logging.INFO)
        _LOGGER.propagate = False
    try:
        asyncio.run(_until_stopped(Emulator(**settings), env=env, tls=settings["tls"]))
    except EmulatorError as error:
        say(str(error))
        raise click.exceptions.Exit(2) from None


async def _until_stopped(emulator: Emulator, *, env: bool, tls: bool) -> None:
    stopped = asyncio.Event()
    if sys.platform != "win32":  # there, Ctrl-C cancels this task instead
        for number in (signal.SIGINT, *end_signals()):
            asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    with tempfile.TemporaryDirectory() as folder:
        async with emulator:
            variables = dict(emulator.environment)
            if tls:
                certificate = Path(folder, "certificate.pem")
                certificate.write_text(emulator.certificate)  # noqa: ASYNC240 - a few lines, once
                variables["DESCOPE_EMULATOR_CERTIFICATE"] = str(certificate)
            lines = [f"export {name}={shlex.quote(each)}" for name, each in variables.items()]
            if not env:
                lines.insert(0, f"Descope emulator at {emulator.base_url} (Ctrl-C stops it)")
            # Whoever started this may wait for the first of them, and then read them all.
            click.echo("\n".join(lines))
            await stopped.wait()


class _TextLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        """Called by logging."""
        request: RecordedRequest | None = getattr(record, "request", None)
        moment = request.time if request else record.created
        shown = time.strftime("%H:%M:%S", time.localtime(moment))
        return f"{shown} {request or super().format(record)}"


class _JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        """Called by logging."""
        request: RecordedRequest | None = getattr(record, "request", None)
        if request is None:
            return json.dumps({"time": record.created, "message": super().format(record)})
        return json.dumps(request_to_json(request))
