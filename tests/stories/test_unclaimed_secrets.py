"""A secret that nobody reads is told of once, and never shown."""

from __future__ import annotations

import asyncio
import copy
import gc
import logging
import pickle
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import attrs
import pytest

import descope_sync
from descope_async import (
    CreatedAccessKey,
    DeliveryFailed,
    DescopeClient,
    OutcomeUnknown,
    UnexpectedResponse,
)
from descope_async.emulator import Emulator, Fault
from descope_async.events import Event, SecretUnclaimed
from descope_async.testing import tell_unclaimed_secrets
from tests.quick_time import QuickTime

Told = list[SecretUnclaimed]


@pytest.fixture(autouse=True)
def _told() -> Iterator[None]:
    gc.collect()  # what other tests dropped is no news of these
    tell_unclaimed_secrets(told=True)
    gc.freeze()  # so that no collection looks at what other tests left, which takes long
    yield
    gc.unfreeze()
    tell_unclaimed_secrets(told=False)


@pytest.fixture
async def emulator() -> AsyncIterator[Emulator]:
    async with Emulator() as running:
        yield running


def hook(told: Told) -> Callable[[Event], None]:
    def note(event: Event) -> None:
        if isinstance(event, SecretUnclaimed):
            told.append(event)

    return note


def client_of(emulator: Emulator, told: Told, **settings: Any) -> DescopeClient:
    return DescopeClient(
        emulator.project_id,
        emulator.management_key,
        base_url=emulator.base_url,
        hooks=[hook(told)],
        **settings,
    )


async def collected() -> None:
    for _ in range(5):
        gc.collect()
        await asyncio.sleep(0.02)


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [each.getMessage() for each in caplog.records if "nobody has read" in each.getMessage()]


READS: dict[str, Callable[[CreatedAccessKey], object]] = {
    "attribute": lambda created: created.cleartext,
    "to_dict": lambda created: created.to_dict(secrets=True),
    "asdict": attrs.asdict,
    "evolve": attrs.evolve,
    "pickle": pickle.dumps,
    "copy": copy.copy,
}


@pytest.mark.parametrize("read", READS)
async def test_a_secret_that_is_read_is_no_news(
    emulator: Emulator, caplog: pytest.LogCaptureFixture, read: str
) -> None:
    told: Told = []
    async with client_of(emulator, told) as client:
        READS[read](await client.mgmt.access_key.create("n"))
        await collected()
    assert not told
    assert not lines(caplog)


async def test_a_dropped_secret_is_told_of_once(
    emulator: Emulator, caplog: pytest.LogCaptureFixture
) -> None:
    told: Told = []
    async with client_of(emulator, told) as client:
        created = await client.mgmt.access_key.create("n")
        key_id = created.key.id
        assert key_id in repr(created)  # which is not reading it
        del created
        await collected()
        await client.mgmt.access_key.rotate(key_id)
        await collected()
    assert [(each.operation, each.key_id, each.name, each.reason) for each in told] == [
        ("access_key.create", key_id, "n", "unread"),
        ("access_key.rotate", key_id, "n", "unread"),
    ]
    found = lines(caplog)
    assert len(found) == 2
    assert key_id in found[0]
    assert "'n'" in found[0]


async def test_a_sibling_that_fails_hides_nothing(
    emulator: Emulator, caplog: pytest.LogCaptureFixture
) -> None:
    """What gather throws away when another part fails."""
    told: Told = []
    emulator.faults.add(Fault("delay", "access_key.create", seconds=0.2))

    async def fail() -> None:
        raise LookupError

    async with client_of(emulator, told) as client:
        with suppress(LookupError):
            await asyncio.gather(client.mgmt.access_key.create("n"), fail())
        while not told:
            await collected()
    (event,) = told
    assert (event.operation, event.name, event.reason) == ("access_key.create", "n", "unread")
    assert len(lines(caplog)) == 1


async def test_an_error_that_is_thrown_away_is_told_of(
    emulator: Emulator, caplog: pytest.LogCaptureFixture
) -> None:
    told: Told = []
    async with client_of(emulator, told) as client:
        emulator.faults.add(Fault("invalid_json", "access_key.create", times=1))
        with suppress(UnexpectedResponse):
            await client.mgmt.access_key.create("damaged")
        await collected()
        assert [each.name for each in told] == ["damaged"]
        emulator.faults.add(Fault("invalid_json", "access_key.create", times=1))
        with pytest.raises(UnexpectedResponse) as damaged:
            await client.mgmt.access_key.create("read")
        assert damaged.value.cleartext
        del damaged
        await collected()
        with suppress(DeliveryFailed):
            await client.mgmt.access_key.create("undelivered", deliver=fail)
        await collected()
        with pytest.raises(DeliveryFailed) as undelivered:
            await client.mgmt.access_key.create("undelivered", deliver=fail)
        assert undelivered.value.cleartext
        del undelivered
        await collected()
    assert [each.name for each in told] == ["damaged", "undelivered"]
    assert len(lines(caplog)) == 2


def fail(_: object) -> None:
    raise LookupError


async def test_what_was_delivered_is_not_told_of(emulator: Emulator) -> None:
    told: Told = []
    async with client_of(emulator, told, deliver=lambda _: None) as client:
        await client.mgmt.access_key.create("n")
        await collected()
    assert not told


async def test_what_is_found_out_is_told_of_too(emulator: Emulator) -> None:
    """To try a secret, as a reconciliation does, is not to read it."""
    told: Told = []
    emulator.faults.add(Fault("close", "access_key.create", commit=True, times=1))
    async with client_of(emulator, told, clock=QuickTime(emulator.clock)) as client:
        await client.mgmt.access_key.create("n", on_unknown="reconcile")
        await collected()
    assert len(told) == 1


def test_the_blocking_client_tells_too(
    emulator_url: tuple[str, str, str], caplog: pytest.LogCaptureFixture
) -> None:
    base_url, project_id, management_key = emulator_url
    done = threading.Event()
    threads: list[int] = []

    def note(event: Event) -> None:
        if isinstance(event, SecretUnclaimed):
            threads.append(threading.get_ident())
            done.set()

    with descope_sync.DescopeClient(
        project_id, management_key, base_url=base_url, hooks=[note]
    ) as client:
        client.mgmt.access_key.create("n")
        gc.collect()
        assert done.wait(30)
    assert threads != [threading.get_ident()]  # and so not while this one collected
    assert len(lines(caplog)) == 1


async def test_an_outcome_without_a_secret_is_told_of_once(
    emulator: Emulator, caplog: pytest.LogCaptureFixture
) -> None:
    told: Told = []
    emulator.faults.add(Fault("close", "access_key.create", commit=True))
    async with client_of(emulator, told) as client:
        with suppress(OutcomeUnknown):
            await client.mgmt.access_key.create("lost")
        await collected()
    warnings = [each.getMessage() for each in caplog.records if each.levelno >= logging.WARNING]
    assert len(warnings) == 1
    assert "access_key.create of 'lost'" in warnings[0]
    assert not told


async def test_lines_about_such_calls_name_their_key(
    emulator: Emulator, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "descope_async")
    async with client_of(emulator, []) as client:
        created = await client.mgmt.access_key.create("ci")
        fresh = await client.mgmt.access_key.rotate(created.key.id)
    found = [each.getMessage() for each in caplog.records if each.name == "descope_async"]
    creating = [each for each in found if "create" in each]
    rotating = [each for each in found if "rotate" in each]
    assert len(creating) == len(rotating) == 3
    assert all("'ci'" in each for each in creating)
    assert created.key.id in creating[-1]
    assert all(created.key.id in each for each in rotating)
    assert not any(secret.cleartext in caplog.text for secret in (created, fresh))


@pytest.mark.parametrize(
    ("way", "said"),
    [
        ("held", "nobody has read"),
        ("dropped", "nobody has read"),
        ("thrown_away", "nobody has read"),
        ("pending_loop", "the event loop ended before the answer came"),
        ("pending_exit", "the event loop ended before the answer came"),
    ],
)
def test_the_end_of_a_process_hides_nothing(way: str, said: str) -> None:
    script = Path(__file__).parent / "scripts" / "unclaimed.py"
    done = subprocess.run(
        [sys.executable, script, way], capture_output=True, text=True, timeout=100, check=False
    )
    assert done.returncode == 0, done.stderr
    found = [line for line in done.stdout.splitlines() if said in line]
    assert len(found) == 1, done.stdout + done.stderr
    assert found[0].startswith("WARNING access_key.create: ")
    assert f"'{way}'" in found[0]
