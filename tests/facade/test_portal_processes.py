"""What happens at the borders of a process: signals, forks, exits, imports."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any, Protocol

import pytest


class Finished(Protocol):
    status: int
    out: list[str]
    err: str


Run = Callable[..., Any]

DONE = "The call was done all the same: see `result` of this."
EXITING = "the process is exiting, and descope_sync has shut down"


def expect(finished: Finished, *out: str, status: int = 0) -> None:
    assert (finished.status, finished.out, finished.err) == (status, list(out), "")


def test_racing_first_calls_start_one_loop(run_script: Run) -> None:
    expect(run_script("race.py"), "loops 1")


def test_system_exit_in_the_core(run_script: Run) -> None:
    expect(run_script("system_exit.py"), "status 7 alive", status=7)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT to send")
@pytest.mark.parametrize(
    ("case", "said"),
    [
        ("call", ["cleaned up", "interrupted", "3"]),
        ("twice", ["ignored", "interrupted", "3", "ignored"]),
        ("finished", ["ignored", f"secret {[DONE]}", "interrupted", "3"]),
        ("iteration", ["item 1", "closed", "interrupted", "3"]),
        ("enter", ["cleaned up", "interrupted", "3"]),
    ],
)
def test_ctrl_c(run_script: Run, case: str, said: list[str]) -> None:
    expect(run_script("interrupt.py", case), *said)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT to send")
@pytest.mark.parametrize(
    ("case", "said"),
    [
        ("answered", ["the secret", str([DONE])]),
        ("closed", ["OutcomeUnknown True None", "no result"]),
        ("refused", ["no result"]),
        ("twice", ["no result"]),
    ],
)
def test_ctrl_c_in_a_create(run_script: Run, case: str, said: list[str]) -> None:
    finished = run_script("interrupt_create.py", case)
    assert (finished.status, finished.out) == (0, [*said, "in time"])
    # Nobody has configured a log, so Python writes its warnings to the error output.
    warnings = finished.err.splitlines()
    assert len(warnings) == (0 if case == "refused" else 1)
    assert all("OutcomeUnknown, which says what to do" in line for line in warnings)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM to handle")
def test_sigterm_in_a_create(run_script: Run) -> None:
    finished = run_script("terminated.py")
    said = ["delivered AK1 the secret", "result the secret"]
    assert (finished.status, finished.out) == (3, said)
    assert "the secret" not in finished.err


def test_exit_with_handlers_that_still_call(run_script: Run) -> None:
    expect(
        run_script("exits.py", "handlers"),
        "end of script",
        "early answer",
        f"look-up {EXITING}",
        f"late {EXITING}",
    )


def test_exit_where_the_first_call_is_too_late(run_script: Run) -> None:
    expect(run_script("exits.py", "only_handlers"), "end of script", f"late {EXITING}")


def test_exit_with_things_open(run_script: Run) -> None:
    finished = run_script("exits.py", "open_things")
    assert (finished.status, finished.err) == (0, "")
    assert finished.out[0] == "end of script"
    assert sorted(finished.out[1:]) == ["generator closed", f"late {EXITING}", "span left"]


def test_exit_with_a_call_in_flight(run_script: Run) -> None:
    expect(run_script("exits.py", "in_flight"), "end of script", "cancelled", f"late {EXITING}")


def test_exit_after_a_name_was_looked_up(run_script: Run) -> None:
    expect(run_script("exits.py", "executor"), "end of script", f"late {EXITING}")


@pytest.mark.skipif(
    sys.platform != "linux",
    reason="the script's limits on open files and on memory stop no thread on other systems",
)
@pytest.mark.parametrize(
    ("case", "said"),
    [
        (
            "fails_once_started",
            [
                "thread not here",
                "the thread of the background event loop has failed to start because of None",
            ],
        ),
        *(
            (
                case,
                [
                    (
                        "the background event loop has failed to start: [Errno 24] Too many open files"
                        " because of OSError(24, 'Too many open files')"
                    )
                ],
            )
            for case in ("no_files", "no_files_to_import")
        ),
        (
            "no_threads",
            [
                (
                    "the background event loop cannot be started"
                    ' because of RuntimeError("can\'t start new thread")'
                )
            ],
        ),
    ],
)
def test_a_thread_that_cannot_run_is_not_waited_for(
    run_script: Run, case: str, said: list[str]
) -> None:
    expect(run_script("starts.py", case), *said, "answer")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fork")
@pytest.mark.parametrize(
    ("case", "said"),
    [
        ("after_use", ["sum 3", "sum 3", "child 0", "sum 3"]),
        ("grandchild", ["sum 3"] * 3 + ["child 0", "sum 3", "child 0", "sum 3"]),
        ("lock_held", ["sum 3", "child 0", "sum 3"]),
        ("in_flight", ["sum 3", "child 0", "parent ['finished']"]),
        ("in_a_thread", ["sum 3", "sum 3", "child 0"]),
        (
            "iterating",
            ["the background event loop ended before the call did", "child 0", "parent [2]"],
        ),
        ("processes", ["sum 3"] * 4 + ["[0, 0, 0]"]),
        ("without_hooks", ["sum 3", "sum 3", "items [1, 2]", "child 0", "sum 3"]),
        (
            "in_a_signal_handler",
            [
                "sum 3",
                "child the background event loop ended before the call did",
                "sum 3",
                "parent finished 0",
            ],
        ),
        ("at_any_moment", ["failed 0"]),
    ],
)
def test_fork(run_script: Run, case: str, said: list[str]) -> None:
    expect(run_script("forks.py", case), *said)


def test_the_import_is_light(run_script: Run) -> None:
    expect(run_script("light_import.py"), "module 'descope_sync' has no attribute 'Nothing'")


@pytest.mark.skipif(find_spec("IPython") is None, reason="IPython is not installed")
def test_no_warning_in_a_notebook(run_script: Run) -> None:
    expect(run_script("notebook.py"), "answer")
