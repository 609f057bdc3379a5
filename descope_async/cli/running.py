"""How a command runs: its client, its signals, and what its errors become."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from contextvars import ContextVar
from typing import Any, Final, NoReturn

import typer
from attrs import frozen

import descope_async
from descope_async.errors import DescopeError, Unauthorized

from .exit_codes import ExitCode, exit_code_of
from .profiles import profile_settings


@frozen
class Run:
    """What the options before a command say.

    Attributes:
        profile_name: The profile; None for the environment.
        is_verbose: Whether errors show the ids of requests.
    """

    profile_name: str | None = None
    is_verbose: bool = False

    @asynccontextmanager
    async def client(self) -> AsyncGenerator[descope_async.DescopeClient]:
        """A client for the project, closed at the end."""
        settings = profile_settings(self.profile_name)
        async with descope_async.DescopeClient(**settings) as client:
            yield client

    def where(self, client: descope_async.DescopeClient) -> str:
        """Project, address and profile, for plans and questions."""
        profile = f", profile {self.profile_name}" if self.profile_name else ""
        return f"project {client.project_id} at {client.base_url}{profile}"


_RUN: Final[ContextVar[Run]] = ContextVar("run")


def start(run: Run) -> None:
    """Take note of what the options before a command say."""
    _RUN.set(run)


def current() -> Run:
    """What the options before the command say."""
    return _RUN.get(Run())


def carry_out(work: Callable[[], Coroutine[Any, Any, ExitCode | None]]) -> NoReturn:
    """Run a command's work to its end and leave with its exit code.

    Every way out of it is an exit code and, where that helps, a sentence; never a traceback.
    """
    is_terminated = False

    async def until_terminated() -> ExitCode | None:
        def terminate() -> None:
            nonlocal is_terminated
            is_terminated = True
            task.cancel()

        task = asyncio.ensure_future(work())
        with suppress(NotImplementedError):  # Windows has no such handler
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, terminate)
        return await task

    try:
        code = asyncio.run(until_terminated())
        sys.stdout.flush()
    except DescopeError as error:
        say(_sentence(error, is_verbose=current().is_verbose))
        code = exit_code_of(error)
    except KeyboardInterrupt:
        say("interrupted")
        code = ExitCode.INTERRUPTED
    except asyncio.CancelledError:
        if not is_terminated:
            raise
        say("ended by SIGTERM")
        code = ExitCode.TERMINATED
    except BrokenPipeError:
        # Whoever read the output has gone, as `head` does. Python must not fail again at its exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = ExitCode.DONE
    raise typer.Exit(int(code or ExitCode.DONE))


def say(sentence: str) -> None:
    """Tell the person at the terminal something: on stderr, so that stdout stays for machines."""
    typer.echo(f"descope-keys: {sentence}", err=True)


def _sentence(error: DescopeError, *, is_verbose: bool) -> str:
    sentence = str(error)
    if not is_verbose and error.request_id:
        sentence = sentence.replace(f" (request {error.request_id})", "")
    if isinstance(error, Unauthorized):
        sentence += (
            "\n  Check DESCOPE_PROJECT_ID and DESCOPE_MANAGEMENT_KEY, or try: descope-keys doctor"
        )
    return sentence
