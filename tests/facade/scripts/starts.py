"""Something keeps the background thread from running, and later nothing does."""

from __future__ import annotations

import resource
import sys
import threading
from types import FrameType

from descope_sync import LoopClosed, preload
from descope_sync._portal import PORTAL


async def answer() -> str:
    return "answer"


def call() -> None:
    try:
        print(PORTAL.call(answer))
    except LoopClosed as error:
        reason, *_ = str(error).split(": '")  # without the file that could not be opened
        print(reason, "because of", repr(error.__cause__))


def fails_once_started() -> None:
    """As it does where its context cannot be entered: `Thread.start` has returned by then."""

    def fail(frame: FrameType, *_: object) -> None:
        if frame.f_code.co_name == "run":
            raise ValueError("not here")

    threading.excepthook = lambda failure: print("thread", failure.exc_value)
    threading.setprofile(fail)
    call()
    threading.setprofile(None)
    call()


def no_files() -> None:
    """A loop needs three."""
    preload()
    no_files_to_import()


def no_files_to_import() -> None:
    """The loop's library is imported for the first call."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, limits[1]))
    call()
    resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    call()


def no_threads() -> None:
    """An address space too small for a thread's stack."""
    limits = resource.getrlimit(resource.RLIMIT_AS)
    threading.stack_size(1 << 30)
    resource.setrlimit(resource.RLIMIT_AS, (1 << 30, limits[1]))
    call()
    resource.setrlimit(resource.RLIMIT_AS, limits)
    threading.stack_size(0)
    call()


CASES = {
    "fails_once_started": fails_once_started,
    "no_files": no_files,
    "no_files_to_import": no_files_to_import,
    "no_threads": no_threads,
}
CASES[sys.argv[1]]()
