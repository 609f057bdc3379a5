from __future__ import annotations

import os
import threading
from collections.abc import Callable

import pytest

from descope_async._runtime.clock import SleepCounter
from descope_async._runtime.forks import ProcessLock

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")


def exit_code_of_child(work: Callable[[], int]) -> int:
    """What a forked child makes of some work; it is killed if it gets stuck."""
    child = os.fork()
    if child == 0:
        threading.Timer(30, os._exit, [99]).start()
        os._exit(work())
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_a_child_finds_a_lock_open_that_its_parent_holds() -> None:
    lock = ProcessLock()

    def enter() -> int:
        with lock.held:
            return 7

    with lock.held:
        assert exit_code_of_child(enter) == 7
        assert lock.held.locked()
    assert not lock.held.locked()


def test_whoever_forks_in_a_lock_leaves_it_in_the_child() -> None:
    lock = ProcessLock()

    with lock.held:
        child = os.fork()
    if child == 0:
        os._exit(7 if not lock.held.locked() else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7


def test_a_child_reads_the_clock_while_its_parent_does() -> None:
    held, may_end = threading.Event(), threading.Event()
    mine = threading.current_thread()

    def steady() -> float:
        if threading.current_thread() is not mine:
            held.set()
            may_end.wait(60)
        return 100.0

    running = SleepCounter(steady, lambda: 1_700_000_000.0)
    other = threading.Thread(target=running)
    other.start()
    held.wait(60)
    assert exit_code_of_child(lambda: int(running())) == 100
    may_end.set()
    other.join(60)
