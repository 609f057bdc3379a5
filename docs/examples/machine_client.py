"""Reads reports as a machine: ``python machine_client.py``."""

from __future__ import annotations

import asyncio
import os

import aiohttp

from descope_async import DescopeClient, EnvironmentVariable
from descope_async.integrations.aiohttp import TokenAuth


async def main() -> None:
    """Ask a service that accepts tokens of this project."""
    service = os.environ["REPORTS_URL"]  # such as https://reports.example.com
    async with DescopeClient() as client:
        source = client.token_source(EnvironmentVariable("REPORTS_ACCESS_KEY"))
        async with (
            aiohttp.ClientSession(service, middlewares=[TokenAuth(source, service)]) as http,
            http.get("/reports", raise_for_status=True) as answer,
        ):
            print(await answer.json())


if __name__ == "__main__":
    asyncio.run(main())
