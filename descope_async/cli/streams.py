"""What a command writes: results to stdout, and to stderr what it tells the person at the terminal."""

from __future__ import annotations

import codecs
import os
import sys
from collections.abc import Generator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from io import TextIOWrapper
from pathlib import Path
from typing import BinaryIO, Final, TextIO, cast

import click

from .secret_arguments import without_secrets


class Stdout:
    """What has become of a command's results.

    Attributes:
        is_lost: Whether a part of them could not be written, although somebody wants it.
    """

    def __init__(self) -> None:
        self.is_lost = False


_ESCAPING: Final = "as JSON"
_STDOUT: Final[ContextVar[Stdout]] = ContextVar("stdout")


def begin() -> Stdout:
    """Note from now on what becomes of the results of a command."""
    stdout = Stdout()
    _STDOUT.set(stdout)
    return stdout


def write_any_character() -> None:
    """Let stdout take characters that its encoding lacks: they are written as JSON escapes them."""
    codecs.register_error(_ESCAPING, _escaped)
    stdout: object = sys.stdout
    if isinstance(stdout, TextIOWrapper):
        cast("TextIOWrapper[BinaryIO]", stdout).reconfigure(errors=_ESCAPING)


def _escaped(error: UnicodeError) -> tuple[str, int]:
    import json

    if not isinstance(error, UnicodeEncodeError):
        raise error
    return json.dumps(error.object[error.start : error.end])[1:-1], error.end


def write(text: str) -> bool:
    """Write results to stdout. Whether nobody misses a part of them.

    It raises nothing, because the exit code of a command must tell of its work: where stdout could not be
    written, a command that went well ends with 1, and any other with its own code.
    """
    try:
        deliver(text)
    except BrokenPipeError:  # whoever read them wanted no more, as `head` does
        return True
    except OSError as error:
        say(f"stdout cannot be written: {error.strerror or type(error).__name__}")
        _STDOUT.get().is_lost = True
        return False
    return True


def deliver(text: str) -> None:
    """Write to stdout what nobody else has, such as a secret.

    Raises:
        OSError: It cannot be written, or nobody reads it. What comes later goes nowhere.
    """
    try:
        click.echo(text, nl=False)
    except OSError:
        send_nowhere(sys.stdout)
        raise


def say(sentence: str) -> None:
    """Tell the person at the terminal something: on stderr, so that stdout stays for machines."""
    say_more(f"descope-keys: {sentence}")


def say_more(lines: str) -> None:
    """Tell that person more, on lines of their own."""
    with telling():
        click.echo(without_secrets(lines), err=True)


@contextmanager
def telling() -> Generator[None]:
    """Around what writes to stderr. Where nobody reads it any more, that is no reason to fail."""
    try:
        yield
    except OSError:
        send_nowhere(sys.stderr)


def send_nowhere(stream: TextIO) -> None:
    """Let the rest of a stream go nowhere, so that Python does not fail again when it flushes it at exit."""
    with suppress(OSError, ValueError), Path(os.devnull).open("w", encoding="utf-8") as nowhere:
        os.dup2(nowhere.fileno(), stream.fileno())
