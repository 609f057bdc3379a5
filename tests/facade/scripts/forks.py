"""Forked children call while their parent goes on."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import sys
import threading
from collections.abc import AsyncGenerator, Callable

from descope_sync import LoopClosed
from descope_sync._portal import PORTAL


async def add(a: int, b: int) -> int:
    await asyncio.sleep(0)
    return a + b


async def items() -> AsyncGenerator[int, None]:
    yield 1
    yield 2


def in_a_child(work: Callable[[], None]) -> None:
    """Fork, do the work in the child, leave it by the front door, and wait for that."""
    sys.stdout.flush()
    pid = os.fork()
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
        with PORTAL._lock:
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


CASES: dict[str, Callable[[], None]] = {
    "after_use": after_use,
    "grandchild": grandchild,
    "lock_held": lock_held,
    "in_flight": in_flight,
    "in_a_thread": in_a_thread,
    "iterating": iterating,
    "processes": processes,
}
CASES[sys.argv[1]]()
