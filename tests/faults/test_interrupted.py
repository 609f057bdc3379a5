"""A create or rotate that is cancelled at any moment, while the network is at its worst."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Coroutine, Iterable
from typing import Any

import pytest

from descope_async import CreatedAccessKey, DescopeClient, OutcomeUnknown, Unauthorized
from descope_async.emulator import Emulator, Fault

_CALLS = 40
#: The last moment of a round: from before the connection is made until long after the answer. A busy
#: machine may have sent nothing by then, and gets a round with later ones.
_LATEST = (0.4, 1.6, 6.4)
FAULTS = {
    "delay": Fault("delay", seconds=0.2),
    "stall": Fault("stall", commit=True, seconds=0.3),
    "stall after the headers": Fault("stall_body", seconds=0.3),
    "drip": Fault("drip", seconds=0.2),
    "close": Fault("close", commit=True),
}


@pytest.fixture
async def emulator() -> AsyncIterator[Emulator]:
    async with Emulator(signing_algorithm="ES256") as running:
        yield running


@pytest.fixture
async def client(emulator: Emulator) -> AsyncIterator[DescopeClient]:
    async with DescopeClient(
        emulator.project_id, emulator.management_key, base_url=emulator.base_url
    ) as client:
        yield client


async def works(client: DescopeClient, secret: str) -> bool:
    try:
        await client.exchange_access_key(secret)
    except Unauthorized:
        return False
    return True


async def interrupted(
    call: Coroutine[Any, Any, CreatedAccessKey], after: float
) -> CreatedAccessKey | BaseException:
    """What a call has come to that is cancelled after so many seconds."""
    task = asyncio.create_task(call)
    asyncio.get_running_loop().call_later(after, task.cancel)
    await asyncio.wait([task])
    if task.cancelled():
        return asyncio.CancelledError()
    error = task.exception()
    return task.result() if error is None else error


def secret_of(ending: CreatedAccessKey | BaseException) -> str | None:
    assert isinstance(ending, CreatedAccessKey | OutcomeUnknown | asyncio.CancelledError)
    return None if isinstance(ending, asyncio.CancelledError) else ending.cleartext


def were_interrupted_in_time(endings: Iterable[CreatedAccessKey | BaseException]) -> bool:
    return any(isinstance(each, OutcomeUnknown) for each in endings)


@pytest.mark.parametrize("fault", FAULTS)
async def test_create(emulator: Emulator, client: DescopeClient, fault: str) -> None:
    draw = random.Random(fault).uniform  # noqa: S311 - chooses moments
    for latest in _LATEST:
        given = [f"{number} of {latest}" for number in range(_CALLS)]
        emulator.faults.add(FAULTS[fault])
        endings = await asyncio.gather(
            *(interrupted(client.mgmt.access_key.create(name), draw(0, latest)) for name in given)
        )
        emulator.faults.clear()
        names = [key["name"] for key in (await emulator.snapshot())["accessKeys"]]
        for name, ending in zip(given, endings, strict=True):
            secret = secret_of(ending)
            assert names.count(name) <= 1
            if isinstance(ending, asyncio.CancelledError):
                assert name not in names  # it was never sent
            if secret is not None:
                assert name in names
                assert await works(client, secret)
            elif fault in {"delay", "drip"}:
                assert isinstance(
                    ending, asyncio.CancelledError
                )  # the answer came, with its secret
        if were_interrupted_in_time(endings):
            return
    pytest.fail("nothing was under way when it was interrupted")


@pytest.mark.parametrize("fault", FAULTS)
async def test_rotate(emulator: Emulator, client: DescopeClient, fault: str) -> None:
    draw = random.Random(fault).uniform  # noqa: S311 - chooses moments
    for latest in _LATEST:
        keys = [await client.mgmt.access_key.create(str(number)) for number in range(_CALLS)]
        emulator.faults.add(FAULTS[fault])
        endings = await asyncio.gather(
            *(
                interrupted(client.mgmt.access_key.rotate(each.key.id), draw(0, latest))
                for each in keys
            )
        )
        emulator.faults.clear()
        for created, ending in zip(keys, endings, strict=True):
            secret = secret_of(ending)
            is_old_one_good = await works(client, created.cleartext)
            if isinstance(ending, asyncio.CancelledError):
                assert is_old_one_good  # it was never sent
            elif secret is not None:
                assert await works(client, secret)
                assert not is_old_one_good
            else:
                assert fault not in {"delay", "drip"}
                assert isinstance(ending, OutcomeUnknown)
                assert ending.key_id == created.key.id
        if were_interrupted_in_time(endings):
            return
    pytest.fail("nothing was under way when it was interrupted")
