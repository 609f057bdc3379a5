"""A real client and a local Descope in another process: exits, forks, races, forgotten clients."""

from __future__ import annotations

import atexit
import gc
import multiprocessing
import os
import socket
import sys
import threading
import time
import warnings
from collections.abc import Callable

THREADS: list[threading.Thread] = []


@atexit.register  # before the package registers its own, and so run after it
def wait_for_threads() -> None:
    for thread in THREADS:
        thread.join(30)


from descope_async.testing import tell_unclaimed_secrets  # noqa: E402
from descope_sync import ClientClosed, DescopeClient, LoopClosed  # noqa: E402

tell_unclaimed_secrets(told=False)  # none is kept here

BASE_URL, PROJECT_ID, MANAGEMENT_KEY = sys.argv[2:]


def new_client(base_url: str = BASE_URL) -> DescopeClient:
    return DescopeClient(PROJECT_ID, MANAGEMENT_KEY, base_url=base_url)


def use(client: DescopeClient) -> None:
    created = client.mgmt.access_key.create("forked")
    session = client.exchange_access_key(created.cleartext)
    assert session.key_id == created.key.id
    client.mgmt.access_key.delete(created.key.id)
    sys.stdout.write("used\n")  # at once, where print may let another process come between


def exit_with_an_open_client() -> None:
    global kept  # noqa: PLW0603 - so that it lives until the exit
    kept = new_client()
    use(kept)


def exit_in_flight() -> None:
    global kept  # noqa: PLW0603 - so that it lives until the exit
    listener = socket.create_server(("127.0.0.1", 0))
    client = kept = new_client(f"http://127.0.0.1:{listener.getsockname()[1]}")

    def call() -> None:
        try:
            client.mgmt.access_key.load("K1")
        except LoopClosed:
            print("loop closed")

    thread = threading.Thread(target=call, daemon=True)
    THREADS.append(thread)
    thread.start()
    connection, _ = listener.accept()
    assert connection.recv(1)
    listener.detach()  # open until the very end
    connection.detach()


def fork() -> None:
    client = new_client()
    use(client)
    for _ in range(2):
        sys.stdout.flush()
        pid = os.fork()
        if pid == 0:
            use(client)
            sys.exit(0)  # and so collect the parent's connections
        _, status = os.waitpid(pid, 0)
        print("child", os.waitstatus_to_exitcode(status))
        use(client)
    client.close()


def close_in_a_child() -> None:
    client = new_client()
    use(client)
    pid = os.fork()
    if pid == 0:
        started = time.monotonic()
        client.close()
        sys.exit(0 if time.monotonic() - started < 3 else "waited for the parent's loop")
    _, status = os.waitpid(pid, 0)
    print("child", os.waitstatus_to_exitcode(status))
    use(client)
    client.close()


def fork_at_once() -> None:
    client = new_client()
    use(client)
    context = multiprocessing.get_context("fork")
    children = [context.Process(target=use, args=(client,)) for _ in range(3)]
    for child in children:
        child.start()
    for _ in range(5):
        use(client)
    for child in children:
        child.join()
    print([child.exitcode for child in children])
    client.close()


def race() -> None:
    client = new_client()
    together = threading.Barrier(50)
    ids: list[str] = []

    def call() -> None:
        together.wait()
        ids.append(client.mgmt.access_key.create("raced").key.id)

    threads = [threading.Thread(target=call) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    client.mgmt.access_key.delete_batch(ids)
    client.close()
    print(len(set(ids)), [each.name for each in threading.enumerate()].count("descope-sync"))


def collect() -> None:
    warnings.simplefilter("always")
    with warnings.catch_warnings(record=True) as caught:
        for _ in range(3):
            client = new_client()
            use(client)
            cycle: list[object] = [client]
            cycle.append(cycle)
            del client, cycle
            gc.collect()
    # None where the loop's thread closes the connections before the client's turn comes.
    print({warning.category.__name__ for warning in caught} - {"ResourceWarning"})
    with new_client() as client:
        use(client)


def closed() -> None:
    with new_client() as client:
        use(client)
    client.close()
    try:
        client.mgmt.access_key.load("K1")
    except ClientClosed as error:
        print(error)


kept: DescopeClient | None = None
CASES: dict[str, Callable[[], None]] = {
    "exit_with_an_open_client": exit_with_an_open_client,
    "exit_in_flight": exit_in_flight,
    "fork": fork,
    "close_in_a_child": close_in_a_child,
    "fork_at_once": fork_at_once,
    "race": race,
    "collect": collect,
    "closed": closed,
}
CASES[sys.argv[1]]()
