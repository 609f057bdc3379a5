"""The first calls of a process: what they import, and forks in the middle of them."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable

CASE, BASE_URL, PROJECT_ID, MANAGEMENT_KEY = sys.argv[1:]
#: A name, because an address is not looked up.
NAMED_URL = BASE_URL.replace("127.0.0.1", "localhost")


def imports_nothing() -> None:
    import descope_sync
    from descope_sync import ConnectionFailed, NotFound

    with descope_sync.DescopeClient(PROJECT_ID, MANAGEMENT_KEY, base_url=NAMED_URL) as client:
        before = set(sys.modules)
        created = client.mgmt.access_key.create("n")
        client.validate_session(client.exchange_access_key(created.cleartext).jwt)
        client.token_source(created.cleartext).token()
        client.access_key_verifier().verify(created.cleartext)
        try:
            client.mgmt.access_key.load("Knone")
        except NotFound:
            print("not found")
    with descope_sync.DescopeClient(PROJECT_ID, base_url="http://localhost:1") as client:
        try:
            client.exchange_access_key("K1")
        except ConnectionFailed:
            print("refused")
    print(sorted(set(sys.modules) - before))


def imports_nothing_when_awaited() -> None:
    from descope_async import DescopeClient

    client = DescopeClient(PROJECT_ID, MANAGEMENT_KEY, base_url=NAMED_URL)

    async def use() -> None:
        created = await client.mgmt.access_key.create("n")
        await client.validate_session((await client.exchange_access_key(created.cleartext)).jwt)
        await client.token_source(created.cleartext).token()
        await client.access_key_verifier().verify(created.cleartext)
        await client.aclose()

    before = set(sys.modules)
    asyncio.run(use())
    print(sorted(set(sys.modules) - before))


def use() -> None:
    import descope_sync

    with descope_sync.DescopeClient(PROJECT_ID, MANAGEMENT_KEY, base_url=NAMED_URL) as client:
        client.mgmt.access_key.search_all_access_keys()


def forks() -> None:
    """Fork while another thread imports the client, constructs it or makes its first call."""
    import descope_sync  # noqa: F401 - which imports nothing else yet

    statuses: list[int] = []
    for number in range(8):
        pid = os.fork()
        if not pid:
            signal.alarm(25)
            thread = threading.Thread(target=use)
            thread.start()
            time.sleep(number / 10)
            child = os.fork()
            if not child:
                signal.alarm(25)
                use()
                os._exit(0)
            thread.join()
            os._exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != 0)
        statuses.append(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    print("failed", [number for number, status in enumerate(statuses) if status])


def wait_for_work() -> None:
    from descope_async._runtime.forks import LOOK_UP, no_fork_meanwhile

    def work(seconds: float) -> None:
        with no_fork_meanwhile(LOOK_UP):
            begun.set()
            time.sleep(seconds)

    def fork() -> float:
        since = time.monotonic()
        if not (pid := os.fork()):
            os._exit(0)
        os.waitpid(pid, 0)
        return time.monotonic() - since

    for seconds in (0.4, 3):
        begun = threading.Event()
        thread = threading.Thread(target=work, args=(seconds,))
        thread.start()
        begun.wait()
        waited = fork()
        print(seconds, waited > 0.3, waited < 2.5)
        thread.join()
    with no_fork_meanwhile(LOOK_UP):
        print("own", fork() < 0.9)


def slow_name() -> None:
    """A look-up that goes on after the call, and after the process."""
    from descope_sync import DescopeClient, DescopeError, Timeouts

    def never(*_: object, **__: object) -> list[object]:
        time.sleep(300)
        return []

    setattr(socket, "getaddrinfo", never)  # noqa: B010 - it has another type
    client = DescopeClient(
        PROJECT_ID, MANAGEMENT_KEY, base_url=NAMED_URL, timeouts=Timeouts(deadline=1)
    )
    try:
        client.mgmt.access_key.load("K1")
    except DescopeError as error:
        print(type(error).__name__)


CASES: dict[str, Callable[[], None]] = {
    "imports_nothing": imports_nothing,
    "imports_nothing_when_awaited": imports_nothing_when_awaited,
    "forks": forks,
    "wait_for_work": wait_for_work,
    "slow_name": slow_name,
}
CASES[CASE]()
