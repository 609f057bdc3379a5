"""Everything at once on a few clients: tasks, threads, cancellation, dying loops and forks."""

from __future__ import annotations

import asyncio
import gc
import os
import random
import signal
import sys
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import descope_sync
from descope_async import DescopeClient

NO_KEY = "K" + "x" * 30
#: What the background loop of blocking code has open until the process ends.
LOOP_FILES = 3


class Stress:
    """The clients, and what has come of using them."""

    def __init__(self, base_url: str, project_id: str, *access_keys: str) -> None:
        self.access_keys = access_keys
        settings: dict[str, Any] = {
            "base_url": base_url,
            "timeouts": {"connect": 60, "exchange": 60, "keys": 60},
        }
        self.client = DescopeClient(project_id, **settings)
        self.blocking = descope_sync.DescopeClient(project_id, **settings)
        self.source = self.client.token_source(access_keys[0])
        self.blocking_source = self.blocking.token_source(access_keys[0])
        self.verifier = self.client.access_key_verifier(
            fresh_for=0.2, usable_for=0.5, refused_for=0.1
        )
        began = time.monotonic()
        self.until, self.at_most_until = began + 4, began + 60
        self.wrong = Counter[str]()
        self.done = Counter[str]()

    @property
    def goes_on(self) -> bool:
        """Whether it has not been long enough, or a busy machine has not done enough."""
        now = time.monotonic()
        return now < self.until or (now < self.at_most_until and not self.has_done_enough)

    @property
    def has_done_enough(self) -> bool:
        return self.done["fork"] > 2 and all(
            self.done[what] > 20 for what in ("source", "validate", "verify", "block")
        )

    def note(self, outcomes: Iterable[object]) -> None:
        for each in outcomes:
            if isinstance(each, BaseException) and not isinstance(each, asyncio.CancelledError):
                self.wrong[repr(each)] += 1
                traceback.print_exception(each)

    async def ask(self, dice: random.Random) -> None:
        what = dice.choice(["source", "validate", "verify", "refuse"])
        if what in {"source", "validate"}:
            token = await self.source.token()
            if what == "validate":
                assert (await self.client.validate_session(token)).jwt == token
        else:
            key = dice.choice(self.access_keys) if what == "verify" else NO_KEY
            found = await self.verifier.verify(key)
            assert found.reason == ("valid" if what == "verify" else "refused"), found
        self.done[what] += 1

    async def live(self, dice: random.Random) -> None:
        """Ask often, and give up some of it."""
        while self.goes_on:
            tasks = [asyncio.create_task(self.ask(dice)) for _ in range(30)]
            await asyncio.sleep(dice.uniform(0, 0.01))
            for task in dice.sample(tasks, 10):
                task.cancel()
            self.note(await asyncio.gather(*tasks, return_exceptions=True))
            await asyncio.sleep(dice.uniform(0, 0.05))

    def live_in_a_loop(self, dice: random.Random) -> None:
        asyncio.run(self.live(dice))

    def die(self, dice: random.Random) -> None:
        """Ask on loops that end early."""

        async def ask() -> None:
            tasks = [asyncio.create_task(self.ask(dice)) for _ in range(10)]
            await asyncio.sleep(dice.uniform(0, 0.01))
            self.note([task.exception() for task in tasks if task.done() and not task.cancelled()])

        while self.goes_on:
            asyncio.run(ask())

    def block(self, dice: random.Random) -> None:
        while self.goes_on:
            try:
                token = self.blocking_source.token()
                assert self.blocking.validate_session(token).jwt == token
            except Exception as error:  # noqa: BLE001 - whatever it is, it should not be
                self.note([error])
            self.done["block"] += 1
            time.sleep(dice.uniform(0, 0.02))

    def fork(self, dice: random.Random) -> None:
        """Fork all the while, and kill some of the children."""
        while self.goes_on:
            pid = os.fork()
            if not pid:
                self.live_as_a_child(dice)
            if dice.random() < 0.3:
                time.sleep(dice.uniform(0, 0.05))
                os.kill(pid, signal.SIGKILL)
            code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
            self.done["fork"] += code == 0
            if code not in {0, -signal.SIGKILL}:
                self.wrong[f"a child ended with {code}"] += 1
            time.sleep(0.05)

    def live_as_a_child(self, dice: random.Random) -> None:
        signal.alarm(60)
        code = 1
        try:
            asyncio.run(self.ask_a_little(dice))
            self.blocking.validate_session(self.blocking_source.token())
            code = 0
        except BaseException:  # noqa: BLE001 - a child must not get out of here
            traceback.print_exc()
        os._exit(code)

    async def ask_a_little(self, dice: random.Random) -> None:
        await asyncio.gather(*[self.ask(dice) for _ in range(5)])

    def close(self) -> None:
        asyncio.run(self.client.aclose())
        self.blocking.close()


def open_files() -> int:
    fds = Path("/proc/self/fd")
    return len(list(fds.iterdir())) if fds.exists() else 0


def everything(stress: Stress) -> None:
    jobs: list[Callable[[random.Random], None]] = [
        *[lambda dice: asyncio.run(stress.live(dice))] * 3,
        *[stress.die] * 2,
        *[stress.block] * 2,
    ]
    dice = [random.Random(seed) for seed in range(len(jobs) + 1)]  # noqa: S311 - no secret
    before = open_files()
    threads = [
        threading.Thread(target=job, args=(each,), daemon=True)
        for job, each in zip(jobs, dice, strict=False)
    ]
    for thread in threads:
        thread.start()
    stress.fork(dice[-1])
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive(), "it hangs"
    stress.close()
    gc.collect()
    print("wrong", dict(stress.wrong))
    print("done", stress.has_done_enough)
    print("left open", max(0, open_files() - before - LOOP_FILES))


def cold(stress: Stress) -> None:
    """Ten thousand on four loops who all want the first token."""
    ready = threading.Barrier(4)
    tokens: list[str] = []

    async def ask() -> None:
        ready.wait(30)
        tokens.extend(await asyncio.gather(*[stress.source.token() for _ in range(2_500)]))

    threads = [threading.Thread(target=lambda: asyncio.run(ask())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    stress.close()
    print(len(tokens), len(set(tokens)))


if __name__ == "__main__":
    {"everything": everything, "cold": cold}[sys.argv[1]](Stress(*sys.argv[2:]))
