"""``descope-keys emulator``."""

from __future__ import annotations

import asyncio
import shlex
import signal
import sys
from pathlib import Path

import typer

from descope_async.emulator import Emulator, EmulatorError


def serve(
    *,
    host: str,
    port: int,
    project_id: str | None,
    management_key: str | None,
    data: Path | None,
    seed: Path | None,
    token_lifetime: int,
    key_rotation: int,
    env: bool,
    unsafe_bind: bool,
) -> None:
    """Run an emulator until it is interrupted."""
    try:
        emulator = Emulator(
            project_id,
            management_key,
            host=host,
            port=port,
            data=data,
            seed=seed,
            unsafe_bind=unsafe_bind,
            token_lifetime=token_lifetime,
            key_rotation=key_rotation,
        )
        asyncio.run(_until_stopped(emulator, env))
    except EmulatorError as error:
        typer.echo(f"descope-keys: {error}", err=True)
        raise typer.Exit(2) from None


async def _until_stopped(emulator: Emulator, env: bool) -> None:
    stopped = asyncio.Event()
    if sys.platform != "win32":  # there, Ctrl-C cancels this task instead
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    async with emulator:
        lines = [
            f"export {name}={shlex.quote(each)}" for name, each in emulator.environment.items()
        ]
        if not env:
            lines.insert(0, f"Descope emulator at {emulator.base_url} (Ctrl-C stops it)")
        # Whoever started this may wait for the first of them, and then read them all.
        typer.echo("\n".join(lines))
        await stopped.wait()
