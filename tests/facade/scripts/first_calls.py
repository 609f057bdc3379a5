"""The first calls of a process: what they import, and forks in the middle of them."""

from __future__ import annotations

import asyncio
import inspect
import os
import random
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType

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


class Imports:
    """Notes what is imported, on which thread, and whether a fork would wait for it."""

    def __init__(self) -> None:
        self.threads: dict[str, int] = {}
        self.unguarded: list[str] = []
        sys.meta_path.insert(0, self)

    def find_spec(
        self,
        name: str,
        path: Sequence[str] | None,  # noqa: ARG002 - Python passes them
        target: ModuleType | None = None,  # noqa: ARG002
    ) -> ModuleSpec | None:
        """Leave the import to those who come after."""
        self.threads[name] = threading.get_ident()
        frame = inspect.currentframe()
        while frame is not None and not frame.f_code.co_filename.endswith("late_imports.py"):
            frame = frame.f_back
        if frame is None:
            self.unguarded.append(name)
        return None

    def on(self, thread: int) -> list[str]:
        """What was imported on a thread."""
        return sorted(name for name, where in self.threads.items() if where == thread)


async def use_all(client: object) -> None:
    """Make the first calls of each kind."""
    from descope_async import DescopeClient

    assert isinstance(client, DescopeClient)
    created = await client.mgmt.access_key.create("n")
    jwt = (await client.exchange_access_key(created.cleartext)).jwt
    await client.validate_session(jwt)
    await client.token_source(lambda: created.cleartext).token()
    await client.access_key_verifier().verify(created.cleartext)
    await client.mgmt.access_key.update(created.key.id, "m", custom_claims={"a": {"b": [1]}})
    (await client.mgmt.access_key.load(created.key.id)).to_dict()
    await client.mgmt.access_key.delete(created.key.id)
    await client.aclose()


def preloaded() -> None:
    """After `preload`, no kind of client imports anything, not even as it is made."""
    import descope_async
    import descope_sync

    descope_sync.preload() if CASE == "preloaded" else descope_async.preload()
    before = set(sys.modules)
    client = descope_async.DescopeClient(PROJECT_ID, MANAGEMENT_KEY, base_url=NAMED_URL)
    asyncio.run(use_all(client))
    if CASE == "preloaded":
        with descope_sync.DescopeClient(PROJECT_ID, MANAGEMENT_KEY, base_url=NAMED_URL) as blocking:
            blocking.mgmt.access_key.search_all_access_keys()
    print(sorted(set(sys.modules) - before))


def second_client() -> None:
    """What the first client's calls have imported suffices for the second one's."""
    from descope_sync import DescopeClient

    for _ in range(2):
        before = set(sys.modules)
        client = DescopeClient(PROJECT_ID, MANAGEMENT_KEY, base_url=NAMED_URL)
        created = client.mgmt.access_key.create("n")
        client.validate_session(client.exchange_access_key(created.cleartext).jwt)
        client.close()
    print(sorted(set(sys.modules) - before))


def guarded() -> None:
    """Everything is imported where a fork waits for it, and little on the thread of the loop.

    That is cattrs, by `to_dict`, which cannot wait. It looks for a module of newer Pythons, too.
    """
    import descope_async  # noqa: F401 - which imports nothing else yet

    imports = Imports()

    def run() -> None:
        from descope_async import DescopeClient

        client = DescopeClient(PROJECT_ID, MANAGEMENT_KEY, base_url=NAMED_URL)

        async def use() -> list[str]:
            _ = client.mgmt.access_key  # which cannot wait, as the constructor cannot
            imports.threads.clear()
            await use_all(client)
            of_cattrs = ("cattrs", "descope_async._calls.converter", "annotationlib")
            return [
                name for name in imports.on(threading.get_ident()) if not name.startswith(of_cattrs)
            ]

        print(asyncio.run(use()), {"aiohttp", "anyio", "jose"} <= set(imports.threads))

    run()
    print(imports.unguarded)


def entered() -> None:
    """`async with` imports everything, on another thread."""
    from descope_async import DescopeClient

    client = DescopeClient(PROJECT_ID, MANAGEMENT_KEY, base_url=NAMED_URL)
    imports = Imports()

    async def use() -> None:
        async with client:
            print(imports.on(threading.get_ident()), {"aiohttp", "jose"} <= set(imports.threads))
            imports.threads.clear()
            await use_all(client)
            print(sorted(imports.threads))

    asyncio.run(use())


def many_at_once() -> None:
    """A hundred first calls share one thread for the imports."""
    from descope_async import DescopeClient

    client = DescopeClient(PROJECT_ID, MANAGEMENT_KEY, base_url=NAMED_URL)
    most = 0

    async def use() -> None:
        calls = [
            asyncio.create_task(client.mgmt.access_key.search_all_access_keys()) for _ in range(100)
        ]
        nonlocal most
        while not all(call.done() for call in calls):
            most = max(most, threading.active_count())
            await asyncio.sleep(0.001)
        await asyncio.gather(*calls)
        await client.aclose()

    asyncio.run(use())
    print(most <= 5)


def use() -> None:
    import descope_sync

    with descope_sync.DescopeClient(PROJECT_ID, MANAGEMENT_KEY, base_url=NAMED_URL) as client:
        client.mgmt.access_key.search_all_access_keys()


def use_awaited() -> None:
    from descope_async import DescopeClient

    asyncio.run(use_all(DescopeClient(PROJECT_ID, MANAGEMENT_KEY, base_url=NAMED_URL)))


def forks() -> None:
    """Fork while another thread imports the client, constructs it or makes its first call."""
    import descope_sync  # noqa: F401 - which imports nothing else yet

    use_it = use if CASE == "forks" else use_awaited
    took = time_of(use_it)
    statuses: list[int] = []
    for number in range(6):
        pid = os.fork()
        if not pid:
            signal.alarm(60)
            thread = threading.Thread(target=use_it)
            thread.start()
            time.sleep(took * (number + random.random()) / 6)  # noqa: S311 - no secret
            child = os.fork()
            if not child:
                signal.alarm(60)
                use_it()
                os._exit(0)
            thread.join()
            os._exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != 0)
        statuses.append(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    print("failed", [number for number, status in enumerate(statuses) if status])


def time_of(work: Callable[[], None]) -> float:
    """Seconds that the work takes in a process that imports all it needs."""
    since = time.monotonic()
    if not (pid := os.fork()):
        work()
        os._exit(0)
    os.waitpid(pid, 0)
    return time.monotonic() - since


def wait_for_work() -> None:
    from descope_async._runtime.forks import LOOK_UP, no_fork_meanwhile

    def work(seconds: float) -> None:
        with no_fork_meanwhile(LOOK_UP):
            begun.set()
            forking.wait()
            time.sleep(seconds)

    def fork() -> float:
        since = time.monotonic()
        if not (pid := os.fork()):
            os._exit(0)
        os.waitpid(pid, 0)
        return time.monotonic() - since

    begun, forking = threading.Event(), threading.Event()
    os.register_at_fork(before=forking.set)  # what was registered last is called first
    for seconds in (0.4, 6):
        begun.clear()
        forking.clear()
        thread = threading.Thread(target=work, args=(seconds,))
        thread.start()
        begun.wait()
        waited = fork()
        print(seconds, waited > 0.3, waited < 5)
        thread.join()
    with no_fork_meanwhile(LOOK_UP):
        print("own", min(fork() for _ in range(5)) < 0.9)


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
    "preloaded": preloaded,
    "preloaded_for_async": preloaded,
    "second_client": second_client,
    "guarded": guarded,
    "entered": entered,
    "many_at_once": many_at_once,
    "forks": forks,
    "forks_of_awaited": forks,
    "wait_for_work": wait_for_work,
    "slow_name": slow_name,
}
CASES[CASE]()
