"""How a command runs: its client, its signals, and what its errors become."""

from __future__ import annotations

import asyncio
import re
import signal
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from contextvars import ContextVar
from typing import Any, Final, NoReturn

import click
from attrs import frozen

import descope_async
from descope_async._runtime.end_signals import end_signals
from descope_async.errors import ConfigurationError, DescopeError, Unauthorized

from .exit_codes import ExitCode, exit_code_of
from .profiles import profile_settings
from .streams import begin, say


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


#: What to do about credentials that are missing or refused.
_ADVICE: Final = (
    "Check DESCOPE_PROJECT_ID and DESCOPE_MANAGEMENT_KEY, or the profile that --profile names;"
    "\n  descope-keys doctor says more."
)
#: What the library tells programs to do about a missing setting.
_IN_CODE: Final = re.compile(r", or pass \w+ when the client is made$")

_RUN: Final[ContextVar[Run]] = ContextVar("run")


def start(run: Run) -> None:
    """Take note of what the options before a command say."""
    _RUN.set(run)


def current() -> Run:
    """What the options before the command say."""
    return _RUN.get(Run())


def carry_out(
    work: Callable[[], Coroutine[Any, Any, ExitCode | None]], *, advice: str = _ADVICE
) -> NoReturn:
    """Run a command's work to its end and leave with its exit code.

    Every way out of it is an exit code and, where that helps, a sentence; never a traceback.

    Args:
        work: What the command does.
        advice: What to do about credentials that are missing or refused.
    """
    ended_by: signal.Signals | None = None
    stdout = begin()

    async def until_ended() -> ExitCode | None:
        def end(number: signal.Signals) -> None:
            nonlocal ended_by
            ended_by = number
            task.cancel()

        task = asyncio.ensure_future(work())
        with suppress(NotImplementedError):  # Windows has no such handler
            for number in end_signals():
                asyncio.get_running_loop().add_signal_handler(number, end, number)
        return await task

    try:
        code = asyncio.run(until_ended())
    except (click.exceptions.Exit, click.BadParameter):
        raise
    except asyncio.CancelledError:
        if ended_by is None:
            raise
        say(f"ended by {ended_by.name}")
        code = ExitCode.TERMINATED
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - nobody at a terminal can use a traceback
        code = _explained(error, advice)
    raise click.exceptions.Exit(int(code or (ExitCode.FAILED if stdout.is_lost else ExitCode.DONE)))


def _explained(error: BaseException, advice: str) -> ExitCode:
    """Say what ended a command, and give its exit code."""
    match error:
        case DescopeError():
            say(_sentence(error, advice, is_verbose=current().is_verbose))
            return exit_code_of(error)
        case KeyboardInterrupt() | click.Abort():  # the second comes from a question
            say("interrupted")
            return ExitCode.INTERRUPTED
        case OSError():
            where = f"{error.filename}: " if error.filename else ""
            say(f"{where}{error.strerror or type(error).__name__}")
        case _:
            say(
                f"{type(error).__name__}: {error}\n  This is a fault of descope-keys; please report it."
            )
    return ExitCode.FAILED


def without_code(sentence: str) -> str:
    """A sentence about a missing setting, without what only programs can do about it."""
    return _IN_CODE.sub("", sentence)


def _sentence(error: DescopeError, advice: str, *, is_verbose: bool) -> str:
    sentence, cause = str(error), error.__cause__
    for each in (error, cause):
        if not is_verbose and isinstance(each, DescopeError) and each.request_id:
            sentence = sentence.replace(f" (request {each.request_id})", "")
    is_setting = isinstance(error, ConfigurationError) and "DESCOPE_" in sentence
    if is_setting or isinstance(error, Unauthorized) or isinstance(cause, Unauthorized):
        sentence = without_code(sentence)
        sentence += f"\n  {advice}"
    return sentence
