"""Forked children call while their parent goes on."""

from __future__ import annotations

import asyncio
import ctypes
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import AsyncGenerator, Callable

from descope_sync import LoopClosed
from descope_sync._portal import PORTAL


async def add(a: int, b: int) -> int:
    await asyncio.sleep(0)
    return a + b


async def items() -> AsyncGenerator[int, None]:
    yield 1
    yield 2


def in_a_child(work: Callable[[], None], *, fork: Callable[[], int] = os.fork) -> None:
    """Fork, do the work in the child, leave it by the front door, and wait for that."""
    sys.stdout.flush()
    pid = fork()
    if pid == 0:
        work()
        sys.exit(0)
    _, status = os.waitpid(pid, 0)
    print("child", os.waitstatus_to_exitcode(status))


def call() -> None:
    print("sum", PORTAL.call(add, 1, 2))


def after_use() -> None:
    call()
    in_a_child(call)
    call()


def grandchild() -> None:
    call()
    in_a_child(after_use)
    call()


def lock_held() -> None:
    held, release = threading.Event(), threading.Event()

    def hold() -> None:
        with PORTAL._lock:  # noqa: SLF001 - nothing public holds it for long enough to fork then
            held.set()
            release.wait()

    threading.Thread(target=hold).start()
    held.wait()
    in_a_child(call)
    release.set()
    call()


def in_flight() -> None:
    started, finish = threading.Event(), threading.Event()
    results: list[str] = []

    async def wait() -> str:
        started.set()
        while not finish.is_set():  # noqa: ASYNC110 - set by another thread
            await asyncio.sleep(0.01)
        return "finished"

    thread = threading.Thread(target=lambda: results.append(PORTAL.call(wait)))
    thread.start()
    started.wait()
    in_a_child(call)
    finish.set()
    thread.join()
    print("parent", results)


def in_a_thread() -> None:
    def call_and_end() -> None:
        call()
        sys.stdout.flush()
        os._exit(0)  # what multiprocessing does: sys.exit() would end only the thread

    call()
    thread = threading.Thread(target=in_a_child, args=(call_and_end,))
    thread.start()
    thread.join()


def iterating() -> None:
    generator = PORTAL.iterate(items)
    next(generator)

    def go_on() -> None:
        try:
            next(generator)
        except LoopClosed as error:
            print(error)

    in_a_child(go_on)
    print("parent", list(generator))


def processes() -> None:
    call()
    context = multiprocessing.get_context("fork")
    children = [context.Process(target=call) for _ in range(3)]
    for child in children:
        child.start()
    for child in children:
        child.join()
    print([child.exitcode for child in children])


def without_hooks() -> None:
    """uWSGI forks so: Python does not hear of it."""

    def call_in_time() -> None:
        signal.alarm(60)
        call()
        generator = PORTAL.iterate(items)
        print("items", list(generator))

    call()
    # Only the hooks free the interpreter's own lock, so the loop's thread must not be asking for it.
    time.sleep(0.3)
    in_a_child(call_in_time, fork=ctypes.PyDLL(None).fork)
    call()


def in_a_signal_handler() -> None:
    """The child's only thread goes on to wait for a call of its parent's."""
    children: list[int] = []
    seen: list[object] = []

    async def wait() -> str:
        await asyncio.sleep(1)
        return "finished"

    def fork(*_: object) -> None:
        if pid := os.fork():
            children.append(pid)
        else:
            signal.alarm(60)

    signal.signal(signal.SIGUSR1, fork)
    call()
    threading.Timer(0.3, os.kill, [os.getpid(), signal.SIGUSR1]).start()
    try:
        seen.append(PORTAL.call(wait))
    except LoopClosed as error:
        seen.append(error)
    if not children:
        print("child", seen[0])
        call()
        sys.stdout.flush()
        sys.exit(0)
    _, status = os.waitpid(children[0], 0)
    print("parent", seen[0], os.waitstatus_to_exitcode(status))


def at_any_moment() -> None:
    """Fork while another thread makes the first call of the process."""
    statuses: list[int] = []

    def first_call() -> None:
        assert PORTAL.call(add, 1, 2) == 3

    for number in range(30):
        pid = os.fork()  # for a process that has not yet called
        if not pid:
            signal.alarm(60)
            thread = threading.Thread(target=first_call)
            thread.start()
            time.sleep(number / 10_000)
            grandchild = os.fork()
            if not grandchild:
                signal.alarm(60)
                first_call()
                os._exit(0)
            thread.join()
            os._exit(os.waitstatus_to_exitcode(os.waitpid(grandchild, 0)[1]) != 0)
        statuses.append(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    print("failed", sum(status != 0 for status in statuses))


CASES: dict[str, Callable[[], None]] = {
    "after_use": after_use,
    "grandchild": grandchild,
    "lock_held": lock_held,
    "in_flight": in_flight,
    "in_a_thread": in_a_thread,
    "iterating": iterating,
    "processes": processes,
    "without_hooks": without_hooks,
    "in_a_signal_handler": in_a_signal_handler,
    "at_any_moment": at_any_moment,
}
CASES[sys.argv[1]]()
