"""``python -m benchmarks.web_inside``: what protecting a route costs, without server and sockets.

The applications of `benchmarks.web_service` are called directly, some requests each in turn. A busy
machine disturbs this far less than requests per second: a request that was interrupted is one among
many, of which the lower quartile is printed.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import time
from http import HTTPStatus
from typing import Any

from descope_async.emulator.mint import TokenMint

from .web import DOMAIN


async def receive() -> dict[str, Any]:
    """No body."""
    return {"type": "http.request", "body": b"", "more_body": False}


def scope_of(token: str) -> dict[str, Any]:
    """The ASGI scope of a request, as uvicorn makes it."""
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "server": ("127.0.0.1", 80),
        "client": ("127.0.0.1", 1),
        "scheme": "http",
        "method": "GET",
        "root_path": "",
        "path": "/",
        "raw_path": b"/",
        "query_string": b"",
        "headers": [
            (b"host", b"x"),
            (b"accept", b"*/*"),
            (b"authorization", b"Bearer " + token.encode()),
        ],
        "state": {},
    }


async def measure(token: str, rounds: int) -> None:
    """Let all applications take turns, and print what each request takes beside the first's."""
    from . import web_service

    names = list(web_service.WAYS)
    taken: dict[str, list[int]] = {name: [] for name in names}

    async def send(message: Any) -> None:
        if message.get("status", HTTPStatus.OK) != HTTPStatus.OK:
            raise RuntimeError(f"{name}: {message['status']}")

    async with web_service.auth.lifespan():
        for turn in range(rounds + 1):
            for name, app in zip(names, web_service.APPS.values(), strict=True):
                for number in range(33):
                    scope = scope_of(token)
                    began = time.perf_counter_ns()
                    await app(scope, receive, send)
                    ended = time.perf_counter_ns()
                    if turn and number > 2:  # noqa: PLR2004 - the first find cold caches
                        taken[name].append(ended - began)
    floor = None
    print(f"{'':<26}{'us':>8}{'beyond floor':>14}")
    for name in names:
        quartile = statistics.quantiles(taken[name], n=4)[0] / 1000
        floor = quartile if floor is None else floor
        print(f"{name:<26}{quartile:>8.1f}{quartile - floor:>14.1f}")


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.web_inside", description=__doc__)
    parser.add_argument("--rounds", type=int, default=200, help="turns of 30 requests each")
    chosen = parser.parse_args()
    mint = TokenMint(algorithm="RS256")  # as the service signs
    os.environ |= {
        "BENCH_PROJECT": mint.project_id,
        "BENCH_KEY_SET": mint.key_set,
        "BENCH_AUDIENCE": mint.project_id,
        "BENCH_DOMAIN": DOMAIN,
    }
    token = mint.token(permissions=["reports:read"], aud=mint.project_id, iss=f"https://{DOMAIN}/")
    asyncio.run(measure(token, chosen.rounds))


if __name__ == "__main__":
    main()
