"""Each recipe meets the failure that its page is for."""

from __future__ import annotations

import asyncio
import threading
from datetime import timedelta
from pathlib import Path

import pytest

from descope_async import (
    DescopeClient,
    KeySetUnavailable,
    OutcomeUnknown,
    Unauthorized,
    write_secret,
)
from descope_sync.emulator import Emulator, Fault
from tests.docs.pages import run

QUICK = {"attempts": 1}


def test_a_service_starts_during_an_outage_and_checks_tokens(
    emulator: Emulator, tmp_path: Path
) -> None:
    session = run("docs/how-to/outages.md")["session"]
    kept = tmp_path / "state/signing-keys.json"

    async def key_id() -> str | None:
        client = DescopeClient(key_set_file=kept, retries=QUICK)
        try:
            return (await client.validate_session(session.jwt)).key_id
        finally:
            await client.aclose()

    with emulator.refusing_connections():
        assert asyncio.run(key_id()) == session.key_id
        kept.unlink()
        with pytest.raises(KeySetUnavailable):  # it starts, and says what is missing
            asyncio.run(key_id())


def test_a_successor_lives_longer_and_may_do_the_same(emulator: Emulator) -> None:
    page = run("docs/how-to/rotation.md")

    async def month() -> None:
        async with DescopeClient() as client:
            keys = client.mgmt.access_key
            emulator.clock.freeze()
            old = await keys.create(
                "nightly",
                emulator.clock.stamp() + 86_400,
                key_tenants=[{"tenant_id": "acme", "role_names": ["Reader"]}],
                custom_claims={"team": "build"},
                permitted_ips=["127.0.0.1"],
                description="reports",
            )
            await keys.create("for ever")
            (found,) = await page["expiring"](client, timedelta(days=30))
            assert found == old.key
            fresh = await page["succeed"](client, found, timedelta(days=90))
            rotated = await keys.rotate(old.key.id)

            emulator.clock.advance(2 * 86_400)
            with pytest.raises(Unauthorized):  # a rotation keeps the expiry
                await client.exchange_access_key(rotated.cleartext)
            emulator.clock.move_to(emulator.clock.now() - 2 * 86_400, backwards=True)
            assert fresh.key.expire_time > old.key.expire_time + 80 * 86_400
            for name in ("name", "custom_claims", "permitted_ips", "description", "role_names"):
                assert getattr(fresh.key, name) == getattr(old.key, name)
            tenants = [(each.tenant_id, each.role_names) for each in fresh.key.key_tenants]
            assert tenants == [("acme", ("Reader",))]

    asyncio.run(month())


def test_a_lost_secret_is_found_or_replaced(emulator: Emulator) -> None:
    page = run("docs/how-to/lost-secret.md")
    stored: dict[str, str] = page["stored"]

    async def crash() -> None:
        async with DescopeClient(retries=QUICK) as client:
            with emulator_that_answers_nothing(emulator), pytest.raises(OutcomeUnknown):
                await page["make"](client, "lost")
            (lost,) = [
                key
                for key in await client.mgmt.access_key.search_all_access_keys()
                if key.name == "lost"
            ]
            assert lost.id not in stored
            await page["find_or_make"](client, "lost")
            session = await client.exchange_access_key(stored[lost.id])
            assert session.key_id == lost.id

    asyncio.run(crash())


class emulator_that_answers_nothing:  # noqa: N801 - reads as what it is
    """While the block runs, a create is carried out and its answer is lost."""

    def __init__(self, emulator: Emulator) -> None:
        self._faults = emulator.faults

    def __enter__(self) -> None:
        self._faults.add(Fault("close", "access_key.create", commit=True))

    def __exit__(self, *_: object) -> None:
        self._faults.clear()


def test_an_interrupted_answer_is_stored(emulator: Emulator) -> None:
    page = run("docs/how-to/lost-secret.md")
    stored: dict[str, str] = page["stored"]
    known = list(stored.items())

    async def interrupted() -> None:
        async with DescopeClient() as client:
            emulator.faults.add(Fault("delay", "access_key.create", seconds=0.5, times=1))
            task = asyncio.create_task(page["make"](client, "interrupted"))
            while not next(iter(emulator.faults)).struck:  # noqa: ASYNC110 - of another thread
                await asyncio.sleep(0.01)
            task.cancel()
            with pytest.raises(OutcomeUnknown):
                await task
            ((key_id, secret),) = [item for item in stored.items() if item not in known]
            assert (await client.exchange_access_key(secret)).key_id == key_id

    asyncio.run(interrupted())


@pytest.mark.usefixtures("emulator")
def test_a_proxy_that_opens_tls_is_refused_until_it_is_named(
    capsys: pytest.CaptureFixture[str],
) -> None:
    run("docs/how-to/proxy.md")
    assert "#tlsfailed" in capsys.readouterr().out


@pytest.mark.usefixtures("emulator")
def test_a_key_file_is_whole_while_it_is_rewritten(tmp_path: Path) -> None:
    run("docs/how-to/machine-client.md")
    file, secrets = tmp_path / "some.key", ["K" * 64, "Q" * 64]
    write_secret(file, secrets[0])
    assert file.stat().st_mode & 0o777 == 0o600
    ended = threading.Event()

    def rewrite() -> None:
        for number in range(300):
            write_secret(file, secrets[number % 2])
        ended.set()

    thread = threading.Thread(target=rewrite)
    thread.start()
    while not ended.is_set():
        assert file.read_text(encoding="utf-8") in secrets
    thread.join()
