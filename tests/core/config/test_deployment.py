"""A client that is made before the environment is loaded, such as one of a module."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

import descope_sync
from descope_async import ConfigurationError, DescopeClient
from descope_async.compat.descope_client_async import DescopeClientAsync
from descope_async.compat.exceptions import AuthException
from descope_async.emulator import Emulator
from descope_async.events import CallEnded, Event
from descope_sync.emulator import Emulator as BlockingEmulator
from tests.tracebacks import shown

#: Says whether the thread of the loop has imported python-jose, and whether another one has.
LATE = """
import asyncio, json, os, sys, threading
from descope_async import DescopeClient

client, importers = DescopeClient(), []
project_id, keys, base_url, jwt = json.load(sys.stdin)
os.environ |= dict(DESCOPE_PROJECT_ID=project_id, DESCOPE_PUBLIC_KEY=keys, DESCOPE_BASE_URL=base_url)

class Finder:
    def find_spec(self, name, *_):
        if name == "jose":
            importers.append(threading.current_thread())

sys.meta_path.insert(0, Finder())

async def main():
    async with asyncio.timeout(30):
        await client.validate_session(jwt)
    print(threading.main_thread() in importers, len(importers) == 1)

asyncio.run(main())
"""


@pytest.fixture
async def emulator() -> AsyncIterator[Emulator]:
    async with Emulator(signing_algorithm="ES256") as emulator:
        yield emulator


@pytest.fixture
async def access_key(emulator: Emulator) -> str:
    async with DescopeClient(
        emulator.project_id, emulator.management_key, base_url=emulator.base_url
    ) as client:
        return (await client.mgmt.access_key.create("n")).cleartext


@pytest.fixture
def load(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Loads the environment, as dotenv does."""

    def load() -> None:
        monkeypatch.setenv("DESCOPE_PROJECT_ID", emulator.project_id)
        monkeypatch.setenv("DESCOPE_MANAGEMENT_KEY", f"'{emulator.management_key}'")
        monkeypatch.setenv("DESCOPE_BASE_URI", emulator.base_url)

    return load


USES: dict[str, Callable[[DescopeClient, str], Coroutine[Any, Any, object]]] = {
    "enter": lambda client, _: client.__aenter__(),
    "management": lambda client, _: client.mgmt.access_key.create("n"),
    "exchange": lambda client, key: client.exchange_access_key(key),
    "refresh": lambda client, _: client.refresh_key_set(),
    "check": lambda client, _: client.check_service(),
}


@pytest.mark.parametrize("use", USES)
async def test_what_was_missing_is_read_at_first_use(
    use: str, emulator: Emulator, access_key: str, load: Callable[[], None]
) -> None:
    told: list[Event] = []
    client = DescopeClient(hooks=[told.append])
    source, verifier = client.token_source(access_key), client.access_key_verifier()
    assert len(client.check()) == 2
    load()
    assert client.check() == []
    assert client.base_url == emulator.base_url

    await USES[use](client, access_key)
    session = await client.validate_session(await source.token())
    assert session.project_id == emulator.project_id == client.project_id
    assert await verifier.verify(access_key)
    assert (await client.mgmt.access_key.load(session.key_id)).id == session.key_id
    ended = [each for each in told if isinstance(each, CallEnded)]
    assert {each.call.project_id for each in ended} == {emulator.project_id}
    assert {f"http://{each.call.server_address}:{each.call.server_port}" for each in ended} == {
        emulator.base_url
    }
    assert emulator.project_id in repr(client)
    await client.aclose()


def test_a_blocking_client_reads_it_too(monkeypatch: pytest.MonkeyPatch) -> None:
    client = descope_sync.DescopeClient()
    with BlockingEmulator(signing_algorithm="ES256") as emulator:
        monkeypatch.setenv("DESCOPE_PROJECT_ID", emulator.project_id)
        monkeypatch.setenv("DESCOPE_MANAGEMENT_KEY", emulator.management_key)
        monkeypatch.setenv("DESCOPE_BASE_URL", emulator.base_url)
        with client:
            created = client.mgmt.access_key.create("n")
            session = client.exchange_access_key(created.cleartext)
    assert session.project_id == emulator.project_id


async def test_what_was_there_stays(
    emulator: Emulator, access_key: str, load: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    load()
    client = DescopeClient()
    monkeypatch.setenv("DESCOPE_PROJECT_ID", "Panother")
    monkeypatch.setenv("DESCOPE_MANAGEMENT_KEY", "Kanother")
    monkeypatch.delenv("DESCOPE_BASE_URI")
    async with client:
        session = await client.exchange_access_key(access_key)
        await client.mgmt.access_key.load(session.key_id)
        assert (client.project_id, client.base_url) == (emulator.project_id, emulator.base_url)


async def test_where_a_call_went_stays(
    emulator: Emulator, access_key: str, load: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with DescopeClient(emulator.project_id, base_url=emulator.base_url) as client:
        session = await client.exchange_access_key(access_key)
        with pytest.raises(ConfigurationError, match="DESCOPE_MANAGEMENT_KEY"):
            await client.mgmt.access_key.load(session.key_id)
        load()
        monkeypatch.setenv("DESCOPE_PROJECT_ID", "Panother")
        monkeypatch.setenv("DESCOPE_BASE_URI", "https://elsewhere.example")
        await client.mgmt.access_key.load(session.key_id)
        assert client.project_id == session.project_id == emulator.project_id
        assert client.base_url == emulator.base_url


async def test_what_is_wrong_later_is_told_then(
    access_key: str, load: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    client = DescopeClient()
    monkeypatch.setenv("DESCOPE_PROJECT_ID", "__ProjectID__")
    monkeypatch.setenv("DESCOPE_MANAGEMENT_KEY", "xxxx")
    monkeypatch.setenv("DESCOPE_AUTH_MANAGEMENT_KEY", "canary canary")
    project, key, auth_key = client.check()
    assert project.startswith("DESCOPE_PROJECT_ID is a placeholder")
    assert key.startswith("DESCOPE_MANAGEMENT_KEY is a placeholder")
    assert auth_key.startswith("DESCOPE_AUTH_MANAGEMENT_KEY holds a space")
    assert client.check(management=False) == [project, auth_key]
    assert await client.check_service() == [project, key, auth_key]
    assert "not usable" not in repr(client), "which looks at what the client was made with"
    with pytest.raises(ConfigurationError, match="placeholder"):
        await client.exchange_access_key(access_key)
    load()
    with pytest.raises(ConfigurationError, match="DESCOPE_AUTH_MANAGEMENT_KEY holds a space"):
        await client.exchange_access_key(access_key)
    monkeypatch.delenv("DESCOPE_AUTH_MANAGEMENT_KEY")
    async with client:
        await client.exchange_access_key(access_key)


async def test_a_late_public_key_is_the_only_one(
    emulator: Emulator, access_key: str, load: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    client, keeping = DescopeClient(), DescopeClient(key_set_file="never-written.json")
    load()
    async with DescopeClient() as issuer:
        session = await issuer.exchange_access_key(access_key)
        exported = issuer.export_key_set()
    monkeypatch.setenv("DESCOPE_PUBLIC_KEY", f"\ufeff DESCOPE_PUBLIC_KEY='{exported}'\n")
    emulator.requests.clear()
    async with client:
        assert client.validate_session_nowait(session.jwt) == session
        await client.refresh_key_set()
        assert client.export_key_set() is None
    assert emulator.requests.count("key_set") == 0
    with pytest.raises(
        ConfigurationError, match="key_set_file has no use beside DESCOPE_PUBLIC_KEY"
    ):
        async with keeping:
            pass
    monkeypatch.delenv("DESCOPE_PUBLIC_KEY")
    client = DescopeClient()
    monkeypatch.setenv("DESCOPE_PUBLIC_KEY", "{}")
    (problem,) = client.check()
    assert problem.startswith("DESCOPE_PUBLIC_KEY: a JWK's alg must be")
    assert await client.check_service() == [problem]
    with pytest.raises(ConfigurationError, match="DESCOPE_PUBLIC_KEY"):
        await client.validate_session(session.jwt)


async def test_a_check_looks_at_what_the_client_uses(
    access_key: str, load: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    client = DescopeClient()
    load()
    async with client:
        session = await client.exchange_access_key(access_key)
        await client.mgmt.access_key.load(session.key_id)
        for name in ("MANAGEMENT_KEY", "AUTH_MANAGEMENT_KEY", "PROJECT_ID", "PUBLIC_KEY"):
            monkeypatch.setenv(f"DESCOPE_{name}", "xxxx")
        assert client.check() == []
        monkeypatch.delenv("DESCOPE_MANAGEMENT_KEY")
        assert await client.check_service() == []


async def test_a_late_public_key_holds_no_loop_up(
    emulator: Emulator, access_key: str, load: Callable[[], None]
) -> None:
    """A process of its own, where nothing is imported yet."""
    load()
    async with DescopeClient() as issuer:
        session = await issuer.exchange_access_key(access_key)
        keys = issuer.export_key_set()
    given = json.dumps([emulator.project_id, keys, emulator.base_url, session.jwt])
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", LATE],
        input=given,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.stdout.split(), done.stderr) == (["False", "True"], "")


async def test_signing_keys_are_kept_for_the_project_that_came_later(
    emulator: Emulator, access_key: str, load: Callable[[], None], tmp_path: Path
) -> None:
    path = tmp_path / "keys.json"
    clients = [DescopeClient(key_set_file=path) for _ in range(2)]
    load()
    for client in clients:
        async with client:
            await client.exchange_access_key(access_key)
    assert emulator.project_id in path.read_text(encoding="utf-8")
    assert emulator.requests.count("key_set") == 1


async def test_the_official_names_still_refuse_at_once(load: Callable[[], None]) -> None:
    with pytest.raises(AuthException):
        DescopeClientAsync()
    load()
    DescopeClientAsync()


async def test_a_refusal_shows_no_token() -> None:
    client, jwt = DescopeClient(), "canary.of.a.token"
    with pytest.raises(ConfigurationError) as waited:
        await client.validate_session(jwt)
    with pytest.raises(ConfigurationError) as at_once:
        client.validate_session_nowait(jwt)
    for caught in (waited, at_once):
        assert "canary" not in shown(caught.value, without=__file__)
    await client.aclose()
