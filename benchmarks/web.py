"""``python -m benchmarks.web``: protected routes of FastAPI beside an unprotected one, under uvicorn."""

from __future__ import annotations

import argparse
import asyncio
import sys
from typing import Final

from descope_async.emulator.mint import TokenMint

from .routes import measure, served

DOMAIN: Final = "issuer.example"


def main() -> None:
    """Serve, measure, and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.web", description=__doc__)
    parser.add_argument("--rounds", type=int, default=60, help="turns of each route")
    parser.add_argument("--requests", type=int, default=500, help="requests of each turn")
    chosen = parser.parse_args()
    mint = TokenMint(algorithm="RS256")  # as the service signs
    token = mint.token(permissions=["reports:read"], aud=mint.project_id, iss=f"https://{DOMAIN}/")
    settings = {
        "BENCH_PROJECT": mint.project_id,
        "BENCH_KEY_SET": mint.key_set,
        "BENCH_AUDIENCE": mint.project_id,
        "BENCH_DOMAIN": DOMAIN,
    }

    def command(port: int) -> list[str]:
        uvicorn = [sys.executable, "-m", "uvicorn", "benchmarks.web_service:app"]
        return [*uvicorn, "--port", str(port), "--no-access-log", "--log-level", "warning"]

    with served(command, settings) as server:
        asyncio.run(measure(server, token, chosen.rounds, chosen.requests))


if __name__ == "__main__":
    main()
