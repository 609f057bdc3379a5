"""The soak in short, and that it would notice what it looks for."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from descope_async import DescopeClient
from tests.soak.ledger import Entry, Existence, Ledger
from tests.soak.run import Soak, seeded
from tests.soak.service import ACCOUNT, ROOT, Service


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="it counts what Linux lists there")
def test_nothing_is_lost_and_nothing_is_left() -> None:
    command = [sys.executable, "-m", "tests.soak", "--seconds", "5", "--seed", "5"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    for ending in ("create: result", "OutcomeUnknown", "kills of the service", "forks"):
        assert ending in done.stdout


@pytest.mark.parametrize(
    ("lie", "found"),
    [
        ({}, ""),
        ({"existence": Existence.NO}, "nobody was told"),
        ({"name": "another"}, "is gone"),
        ({"secret": "Kwrong"}, "does not work"),
        ({"secret": "Kwrong", "is_superseded": True}, ""),
        ({"existence": Existence.UNKNOWN, "secret": ""}, ""),
    ],
)
async def test_the_reckoning_notices(
    tmp_path: Path, unused_port: int, lie: dict[str, object], found: str
) -> None:
    service = Service(unused_port, tmp_path / "data")
    await asyncio.to_thread(service.start, misbehaves=False)
    try:
        async with DescopeClient(*ACCOUNT, base_url=service.base_url) as client:
            created = await client.mgmt.access_key.create("one")
        truth = {"existence": Existence.YES, "secret": created.cleartext}
        told: dict[str, object] = {"name": "one", "key_id": created.key.id, **truth, **lie}
        soak = Soak(service, seeded(1), [Ledger([Entry(**told)])])  # type: ignore[arg-type]
        problems = (await soak.reckon()).problems
    finally:
        await asyncio.to_thread(service.kill)
    if found:
        assert any(found in problem for problem in problems)
    else:
        assert problems == []
