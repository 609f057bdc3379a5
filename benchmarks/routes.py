"""Routes of an application that take turns under load, and the server that they are on.

One worker on one core, the load on another. The routes take turns, so that what disturbs the machine
disturbs all of them.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import socket
import statistics
import subprocess
import time
import urllib.request
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from attrs import frozen

CONNECTIONS: Final = 8


@frozen
class Served:
    """A server with routes ``/0``, ``/1`` and so on.

    Attributes:
        port: Where it listens.
        process: The process that answers.
        names: What its routes are called.
    """

    port: int
    process: int
    names: list[str]


@contextmanager
def served(
    command: Callable[[int], list[str]], settings: Mapping[str, str]
) -> Generator[Served, None, None]:
    """Start a server on the first core, and give it time to listen.

    Args:
        command: Makes its command line from a port.
        settings: What to add to its environment.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    os.sched_setaffinity(0, {0})  # which the server inherits, and its workers
    server = subprocess.Popen(command(port), env={**os.environ, **settings})
    os.sched_setaffinity(0, {1 % (os.cpu_count() or 1)})
    try:
        _wait_for(port, server)
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/about", timeout=30) as answer:
            about = json.load(answer)
        yield Served(port, about["process"], about["names"])
    finally:
        server.terminate()
        server.wait(30)


def _wait_for(port: int, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while True:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        if server.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError("the application did not start")
        time.sleep(0.05)


async def requests(port: int, path: str, token: str, count: int) -> float:
    """Requests per second of so many, over connections that are kept where the server keeps them."""
    head = f"GET {path} HTTP/1.1\r\nHost: x\r\nAccept: */*\r\nAuthorization: Bearer {token}\r\n\r\n"
    message, each = head.encode(), count // CONNECTIONS

    async def ask() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for left in reversed(range(each)):
            writer.write(message)
            headers = (await reader.readuntil(b"\r\n\r\n")).lower()
            if not headers.startswith(b"http/1.1 200"):
                raise RuntimeError(f"{path}: {headers.splitlines()[0].decode()}")
            length = int(headers.split(b"content-length: ")[1].split(b"\r")[0])
            await reader.readexactly(length)
            if left and b"connection: close" in headers:
                writer.close()
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.close()
        await writer.wait_closed()

    started = time.perf_counter()
    await asyncio.gather(*(ask() for _ in range(CONNECTIONS)))
    return each * CONNECTIONS / (time.perf_counter() - started)


def cpu_time(process: int) -> float:
    """Seconds of processor time that the threads of a process have used (Linux)."""
    threads = Path(f"/proc/{process}/task").glob("*/schedstat")
    return sum(int(each.read_text().split()[0]) for each in threads) / 1e9


async def measure(server: Served, token: str, rounds: int, count: int) -> None:
    """Let all routes take turns in a random order, and print them beside the first.

    Compared are the turns of one round. The time of a request depends on what else the machine
    does. The processor time hardly does.
    """
    names = server.names
    rates: dict[str, list[float]] = {name: [] for name in names}
    costs: dict[str, list[float]] = {name: [] for name in names}
    for number in range(rounds + 1):
        for name in random.sample(names, len(names)):
            before = cpu_time(server.process)
            rate = await requests(server.port, f"/{names.index(name)}", token, count)
            if number:  # the first round warms up
                rates[name].append(rate)
                costs[name].append((cpu_time(server.process) - before) / count * 1e6)
    print(f"{'':<26}{'requests/s':>11}{'of floor':>10}{'CPU us':>9}{'of floor':>10}")
    for name in names:
        rate, cost = statistics.median(rates[name]), statistics.median(costs[name])
        part = _middle_ratio(rates[name], rates[names[0]])
        less = _middle_ratio(costs[names[0]], costs[name])
        print(f"{name:<26}{rate:>11.0f}{part:>10.3f}{cost:>9.0f}{less:>10.3f}")


def _middle_ratio(values: list[float], others: list[float]) -> float:
    return statistics.median(x / y for x, y in zip(values, others, strict=True))
