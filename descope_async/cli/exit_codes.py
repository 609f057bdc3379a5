"""What the exit code of ``descope-keys`` says."""

from __future__ import annotations

from enum import IntEnum
from typing import Final

from descope_async.errors import (
    ConfigurationError,
    DeadlineExceeded,
    Forbidden,
    InvalidArgument,
    OutcomeUnknown,
    RateLimited,
    Unauthorized,
)
from descope_async.secret_stores import SecretStoreError

from .refusals import ProjectBusy, RunUnfinished, StalePlan


class ExitCode(IntEnum):
    """The exit codes, all of them."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    PARTIAL = 3
    REFUSED = 4
    UNKNOWN = 5
    SINK = 6
    BUSY = 7
    STALE = 8
    FOUND = 20
    INTERRUPTED = 130
    TERMINATED = 143


#: The table in the documentation is made of this.
MEANINGS: Final = {
    ExitCode.DONE: "Done, or there was nothing to do.",
    ExitCode.FAILED: "Failed. The message says why.",
    ExitCode.USAGE: "An argument or a setting is wrong. Nothing was sent.",
    ExitCode.PARTIAL: "Some of it is done. `descope-keys resume` does the rest.",
    ExitCode.REFUSED: "The service refused the management key or the access key.",
    ExitCode.UNKNOWN: "Nobody knows whether a create or rotate happened. The message names the key.",
    ExitCode.SINK: "A secret could not be stored where it belongs. It is in the rescue file.",
    ExitCode.BUSY: (
        "The service limits the rate, or it did not answer in time; or another `apply`, `import` or `resume`, or a command about the same keys, is at work."
    ),
    ExitCode.STALE: (
        "A saved plan does not fit: it was edited, is of another project, or something has changed since. "
        "Nothing was changed."
    ),
    ExitCode.FOUND: "Something was found, and `--exit-code` was given; or `drift` found a difference.",
    ExitCode.INTERRUPTED: "Interrupted (Ctrl-C).",
    ExitCode.TERMINATED: "Ended by SIGTERM, or by SIGHUP as when a connection drops.",
}

_OF_ERRORS: Final = (
    (OutcomeUnknown, ExitCode.UNKNOWN),
    (StalePlan, ExitCode.STALE),
    (ProjectBusy, ExitCode.BUSY),
    (RunUnfinished, ExitCode.PARTIAL),
    ((RateLimited, DeadlineExceeded), ExitCode.BUSY),
    ((ConfigurationError, InvalidArgument, SecretStoreError), ExitCode.USAGE),
)


def exit_code_of(error: BaseException) -> ExitCode:
    """The exit code for an error that ends a command."""
    # To import the class would import all of batch work.
    if type(error).__name__ == "JournalLocked":
        return ExitCode.BUSY
    # What lacks rights says so as a wrong setting, and names the refusal as its cause.
    for each in (error.__cause__, error):
        if isinstance(each, (Unauthorized, Forbidden)):
            return ExitCode.REFUSED
    for classes, code in _OF_ERRORS:
        if isinstance(error, classes):
            return code
    return ExitCode.FAILED
