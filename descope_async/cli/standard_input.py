"""What somebody types or pipes in: Ctrl-C, SIGTERM and SIGHUP end the wait for it at once."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Final, NoReturn

import click

from descope_async._runtime.end_signals import end_signals
from descope_async.errors import ConfigurationError

from .exit_codes import ExitCode
from .streams import say, say_more

#: What Windows writes before a text.
_BYTE_ORDER_MARK: Final = "\ufeff"


def answer(question: str, *, is_secret: bool = False) -> str:
    """What somebody types in answer to a question on the terminal."""
    with ending_at_once():
        try:
            typed: str = click.prompt(
                question, default="", show_default=False, err=True, hide_input=is_secret
            )
        except click.Abort:
            if not is_secret:
                say_more("")  # the terminal is still on the line of the question
            raise
    return typed


def piped(what: str, most: int) -> str:
    """What is on stdin. A terminal is told what is wanted.

    Args:
        what: What is wanted, such as ``"ids"``.
        most: Characters that it may have. Its end may never come.

    Raises:
        ConfigurationError: It is longer, or no text.
    """
    with ending_at_once():
        if sys.stdin.isatty():
            say(f"reading {what} from the terminal; Ctrl-D on a line of its own ends them")
        try:
            text = sys.stdin.read(most + 1)
            text.encode()  # in some locales, Python reads bytes that are no text as halves of characters
        except UnicodeError:
            raise ConfigurationError(
                f"stdin is no {sys.stdin.encoding} text, so {what} cannot be read from it"
            ) from None
    if len(text) > most:
        raise ConfigurationError(
            f"stdin has more than {most} characters, so {what} cannot be read from it"
        )
    return text.removeprefix(_BYTE_ORDER_MARK)


@contextmanager
def ending_at_once() -> Generator[None]:
    """Around a wait for what may never come: Ctrl-C, SIGTERM and SIGHUP end the command at once."""
    if threading.current_thread() is not threading.main_thread():  # which alone gets signals
        yield
        return
    # The event loop's own handlers would only act when the loop turns, and it waits here.
    handlers: dict[signal.Signals, Any] = {
        signal.SIGINT: signal.default_int_handler,
        **dict.fromkeys(end_signals(), _ended),
    }
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _ended(number: int, _: FrameType | None) -> NoReturn:
    say(f"ended by {signal.Signals(number).name}")
    raise click.exceptions.Exit(int(ExitCode.TERMINATED))
