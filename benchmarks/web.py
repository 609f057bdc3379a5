"""``python -m benchmarks.web``: protected routes of FastAPI beside an unprotected one, under uvicorn.

One worker on one core, the load on another. The routes take turns, so that what disturbs the machine
disturbs all of them.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import socket
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from descope_async.emulator.mint import TokenMint

DOMAIN: Final = "issuer.example"
CONNECTIONS: Final = 8


@contextmanager
def served(mint: TokenMint, audience: str) -> Generator[tuple[int, int], None, None]:
    """Serve `benchmarks.web_service` on the first core: gives a port and a process."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    environment = {
        **os.environ,
        "BENCH_PROJECT": mint.project_id,
        "BENCH_KEY_SET": mint.key_set,
        "BENCH_AUDIENCE": audience,
        "BENCH_DOMAIN": DOMAIN,
    }
    command = [sys.executable, "-m", "uvicorn", "benchmarks.web_service:app", "--port", str(port)]
    server = subprocess.Popen(
        [*command, "--no-access-log", "--log-level", "warning"], env=environment
    )
    os.sched_setaffinity(server.pid, {0})
    os.sched_setaffinity(0, {1} & os.sched_getaffinity(0) or {0})
    try:
        deadline = time.monotonic() + 60
        while True:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            if server.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("the application did not start")
            time.sleep(0.05)
        yield port, server.pid
    finally:
        server.terminate()
        server.wait(30)


async def requests(port: int, path: str, token: str, count: int) -> float:
    """Requests per second of so many, over kept connections."""
    head = f"GET {path} HTTP/1.1\r\nHost: x\r\nAccept: */*\r\nAuthorization: Bearer {token}\r\n\r\n"
    message, each = head.encode(), count // CONNECTIONS

    async def ask() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in range(each):
            writer.write(message)
            headers = await reader.readuntil(b"\r\n\r\n")
            if not headers.startswith(b"HTTP/1.1 200"):
                raise RuntimeError(f"{path}: {headers.splitlines()[0].decode()}")
            length = int(headers.lower().split(b"content-length: ")[1].split(b"\r")[0])
            await reader.readexactly(length)
        writer.close()
        await writer.wait_closed()

    started = time.perf_counter()
    await asyncio.gather(*(ask() for _ in range(CONNECTIONS)))
    return each * CONNECTIONS / (time.perf_counter() - started)


def cpu_time(process: int) -> float:
    """Seconds of processor time that a process has used (Linux)."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def measure(
    port: int, process: int, names: list[str], token: str, rounds: int, count: int
) -> None:
    """Let all routes take turns, and print them beside the first.

    The time of a request depends on what else the machine does. The processor time hardly does.
    """
    rates: dict[str, list[float]] = {name: [] for name in names}
    costs = dict.fromkeys(names, 0.0)
    for number in range(rounds + 1):
        for place, name in enumerate(names):
            before = cpu_time(process)
            rate = await requests(port, f"/{place}", token, count)
            if number:  # the first round warms up
                rates[name].append(rate)
                costs[name] += cpu_time(process) - before
    floor = rates[names[0]], costs[names[0]]
    print(f"{'':<26}{'requests/s':>11}{'of floor':>10}{'CPU us':>9}{'of floor':>10}")
    for name in names:
        pairs = zip(rates[name], floor[0], strict=True)
        rate, part = statistics.median(rates[name]), statistics.median(x / y for x, y in pairs)
        cost = costs[name] / (rounds * count) * 1e6
        print(f"{name:<26}{rate:>11.0f}{part:>10.3f}{cost:>9.0f}{floor[1] / costs[name]:>10.3f}")


def main() -> None:
    """Serve, measure, and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.web", description=__doc__)
    parser.add_argument("--rounds", type=int, default=15, help="turns of each route")
    parser.add_argument("--requests", type=int, default=2000, help="requests of each turn")
    chosen = parser.parse_args()
    mint = TokenMint(algorithm="RS256")  # as the service signs
    audience = mint.project_id
    token = mint.token(permissions=["reports:read"], aud=audience, iss=f"https://{DOMAIN}/")
    with served(mint, audience) as (port, process):
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/names", timeout=30) as answer:
            names: list[str] = json.load(answer)
        asyncio.run(measure(port, process, names, token, chosen.rounds, chosen.requests))


if __name__ == "__main__":
    main()
