"""``python -m benchmarks.django``: protected views of Django beside an unprotected one, under gunicorn.

First with gunicorn's usual worker, to which every request is a connection, then with threads, which keep
connections. ``--in-process`` calls Django without any server: that says what a view costs also on a busy
machine.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import os
import statistics
import sys
import time
from collections.abc import Callable
from tempfile import TemporaryDirectory
from typing import Any, Final

from descope_async.emulator.mint import TokenMint

from .routes import measure, served

_WORKERS: Final = {"sync": (), "gthread": ("--threads", "4")}


def under_gunicorn(
    worker: str, settings: dict[str, str], token: str, rounds: int, count: int
) -> None:
    """Serve, measure, and print."""

    def command(port: int) -> list[str]:
        gunicorn = [sys.executable, "-m", "gunicorn", "benchmarks.django_service:application"]
        options = ["--worker-class", worker, *_WORKERS[worker]]
        return [*gunicorn, "--bind", f"127.0.0.1:{port}", "--log-level", "warning", *options]

    # New releases of gunicorn make a socket of their own there.
    with (
        TemporaryDirectory() as name,
        served(command, settings | {"XDG_RUNTIME_DIR": name}) as server,
    ):
        print(f"gunicorn, one worker of the class {worker}")
        asyncio.run(measure(server, token, rounds, count))


def in_process(settings: dict[str, str], token: str, rounds: int) -> None:
    """Call Django's WSGI handler, a few requests of each view in turn, and print what each takes."""
    os.environ.update(settings)
    from .django_service import WAYS, application

    def started(*_: Any) -> Callable[[bytes], object]:
        return lambda _: None

    def call(path: str) -> None:
        environ: dict[str, Any] = {
            "REQUEST_METHOD": "GET",
            "PATH_INFO": path,
            "SERVER_NAME": "x",
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "HTTP_HOST": "x",
            "HTTP_ACCEPT": "*/*",
            "HTTP_AUTHORIZATION": f"Bearer {token}",
            "wsgi.input": io.BytesIO(),
            "wsgi.url_scheme": "http",
        }
        answer = application(environ, started)
        b"".join(answer)
        answer.close()

    few = 30
    taken: dict[str, list[float]] = {name: [] for name in WAYS}
    for _ in range(rounds * 20):
        for place, name in enumerate(WAYS):
            began = time.perf_counter()
            for _ in range(few):
                call(f"/{place}")
            taken[name].append((time.perf_counter() - began) / few * 1e6)
    first = next(iter(WAYS))
    print("called without a server")
    print(f"{'':<26}{'us':>9}{'least us':>10}{'over floor':>12}{'of least':>10}")
    for name, times in taken.items():
        more = statistics.median(a - b for a, b in zip(times, taken[first], strict=True))
        least = min(times) - min(taken[first])
        median = statistics.median(times)
        print(f"{name:<26}{median:>9.1f}{min(times):>10.1f}{more:>12.1f}{least:>10.1f}")


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.django", description=__doc__)
    parser.add_argument("--rounds", type=int, default=15, help="turns of each view")
    parser.add_argument("--requests", type=int, default=1200, help="requests of each turn")
    parser.add_argument("--in-process", action="store_true", help="without a server")
    chosen = parser.parse_args()
    mint = TokenMint(algorithm="RS256")  # as the service signs
    token = mint.token(permissions=["reports:read"], aud=mint.project_id)
    settings = {"BENCH_PROJECT": mint.project_id, "BENCH_KEY_SET": mint.key_set}
    if chosen.in_process:
        in_process(settings, token, chosen.rounds)
        return
    for worker in _WORKERS:
        under_gunicorn(worker, settings, token, chosen.rounds, chosen.requests)


if __name__ == "__main__":
    main()
