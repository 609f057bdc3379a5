"""Mixed calls, faults, cancellations, forks and restarts for a while, and a reckoning at the end."""

from __future__ import annotations

import asyncio
import faulthandler
import gc
import os
import random
import resource
import threading
import time
from collections import Counter
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import aiohttp
from attrs import define, field, frozen

from descope_async import DescopeClient, DescopeError, Unauthorized
from descope_async._calls.pool import Pool
from descope_sync import DescopeClient as BlockingClient

from .ledger import Call, Existence, Interrupted, Ledger
from .service import ACCOUNT, Service

TASKS, THREADS = 16, 32
_PROCESS: Final = Path("/proc/self")
_PAGE: Final = resource.getpagesize()
#: Seconds after which a child is taken to hang; its threads are shown then.
_FORK_LIMIT: Final = 90.0
_OPTIONS: Final[dict[str, Any]] = {
    "timeouts": {"read": 2, "secret": 4, "deadline": 8, "exchange": 8},
    "retries": {"quota": 100_000},
}


def seeded(seed: float) -> random.Random:
    """What draws the same from the same seed."""
    return random.Random(seed)  # noqa: S311 - it chooses what is called


@frozen
class Resources:
    """What a process has open.

    Attributes:
        descriptors: Open files and sockets.
        tasks: Tasks of the main loop, without the one that asks.
        threads: Threads.
        sessions: aiohttp's sessions, and pools, that are still referenced.
        memory: Resident bytes.
    """

    descriptors: int
    tasks: int
    threads: int
    sessions: int
    memory: int

    @classmethod
    def now(cls) -> Resources:
        gc.collect()
        return cls(
            len(list(_PROCESS.joinpath("fd").iterdir())),
            len(asyncio.all_tasks()) - 1,
            threading.active_count(),
            sum(type(each) in (aiohttp.ClientSession, Pool) for each in gc.get_objects()),
            int(_PROCESS.joinpath("statm").read_text().split()[1]) * _PAGE,
        )


@define
class Soak:
    """A run.

    Attributes:
        service: The local Descope.
        draw: What is random is drawn with it.
        ledgers: What everybody was told.
        forks: How many children there were.
        cancelled: How many calls were cancelled.
    """

    service: Service
    draw: random.Random
    ledgers: list[Ledger] = field(factory=list[Ledger])
    forks: int = 0
    cancelled: int = 0

    async def work(self, seconds: float) -> None:
        """Call, from tasks, threads and children, while the service is killed now and then."""
        until = time.monotonic() + seconds
        loop = asyncio.get_running_loop()
        blocking = BlockingClient(*ACCOUNT, base_url=self.service.base_url, **_OPTIONS)
        with ThreadPoolExecutor(THREADS + 2) as threads:
            async with DescopeClient(
                *ACCOUNT, base_url=self.service.base_url, **_OPTIONS
            ) as client:
                works = [
                    *(self._in_task(client, self._ledger(), until) for _ in range(TASKS)),
                    *(
                        loop.run_in_executor(
                            threads,
                            self._in_thread,
                            blocking,
                            self._ledger(),
                            self._random(),
                            until,
                        )
                        for _ in range(THREADS)
                    ),
                    loop.run_in_executor(threads, self._fork, blocking, self._random(), until),
                    loop.run_in_executor(threads, self._restart, self._random(), until),
                ]
                await asyncio.gather(*works)
            await loop.run_in_executor(threads, blocking.close)

    async def _in_task(self, client: DescopeClient, ledger: Ledger, until: float) -> None:
        draw = self._random()
        work = ledger.work(draw)
        call = next(work)
        while time.monotonic() < until:
            task = asyncio.ensure_future(call(client))
            if draw.random() < 0.2:
                asyncio.get_running_loop().call_later(draw.uniform(0, 0.1), task.cancel)
                self.cancelled += 1
            await asyncio.wait([task])
            if task.cancelled():
                call = work.throw(Interrupted())
            elif (error := task.exception()) is not None:
                call = work.throw(error)
            else:
                call = work.send(task.result())

    def _in_thread(
        self, client: BlockingClient, ledger: Ledger, draw: random.Random, until: float
    ) -> None:
        work = ledger.work(draw)
        call = next(work)
        while time.monotonic() < until:
            call = _made(work, call, client)

    def _fork(self, client: BlockingClient, draw: random.Random, until: float) -> None:
        """Children go on with the client that they inherit, and tell what came of it."""
        while time.monotonic() < until - 2:
            reading, writing = os.pipe()
            seed = draw.random()
            child = os.fork()
            if not child:
                status = 1
                faulthandler.dump_traceback_later(_FORK_LIMIT, exit=True)
                try:
                    ledger = Ledger()
                    self._in_thread(client, ledger, seeded(seed), time.monotonic() + 1)
                    with os.fdopen(writing, "w") as pipe:
                        pipe.write(ledger.to_json())
                    status = 0
                finally:
                    os._exit(status)
            os.close(writing)
            self.ledgers.append(_told(child, reading))
            self.forks += 1
            time.sleep(draw.uniform(0.5, 2))

    def _restart(self, draw: random.Random, until: float) -> None:
        while (left := until - time.monotonic()) > 0:
            time.sleep(min(left, draw.uniform(1, 6)))
            self.service.kill()
            time.sleep(draw.uniform(0, 0.3))
            self.service.start(misbehaves=True)

    def _ledger(self) -> Ledger:
        ledger = Ledger()
        self.ledgers.append(ledger)
        return ledger

    def _random(self) -> random.Random:
        return seeded(self.draw.random())

    async def reckon(self) -> Ledger:
        """Compare what the service holds with what callers were told."""
        self.service.kill()
        self.service.start(misbehaves=False)
        total = Ledger.sum(self.ledgers)
        async with DescopeClient(*ACCOUNT, base_url=self.service.base_url) as client:
            keys = await client.mgmt.access_key.search_all_access_keys()
            known = {entry.name: entry for entry in total.entries}
            counts = Counter(key.name for key in keys)
            total.problems += [f"there are {n} of {name}" for name, n in counts.items() if n > 1]
            for name in counts:
                entry = known.get(name)
                if entry is None or entry.existence is Existence.NO:
                    total.problems.append(f"nobody was told of the key {name}")
            for entry in total.entries:
                if entry.existence is Existence.YES and entry.name not in counts:
                    total.problems.append(f"the key {entry.name} is gone")
            for start in range(0, len(keys), 100):
                ids = [key.id for key in keys[start : start + 100]]
                await client.mgmt.access_key.activate_batch(ids)
            for entry in total.entries:
                if entry.name in counts and entry.secret and not entry.is_superseded:
                    try:
                        await client.exchange_access_key(entry.secret)
                    except Unauthorized:
                        total.problems.append(f"the secret of {entry.name} does not work")
            total.endings["keys at the end"] = len(keys)
        return total


def _made(work: Generator[Call, Any, None], call: Call, client: Any) -> Call:
    """The next call, after this one was made."""
    try:
        result = call(client)
    except DescopeError as error:
        return work.throw(error)
    return work.send(result)


def _told(child: int, reading: int) -> Ledger:
    """What a child has told, or how it ended."""
    with os.fdopen(reading) as pipe:
        text = pipe.read()
    _, status = os.waitpid(child, 0)
    if status:
        return Ledger(problems=[f"a forked child ended with {status}, or hung"])
    return Ledger.from_json(text)
