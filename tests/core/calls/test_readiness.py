"""Settings when they are needed: what is missing is told at first use, or by a check before."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import aiohttp
import pytest

import descope_sync
from descope_async import ClientClosed, ConfigurationError, DescopeClient
from descope_async.emulator import Emulator, Fault
from descope_async.testing import EmulatorClock
from tests.clients import client_of
from tests.quick_time import QuickTime

KEY = "K2presentedKeyOfSomebody"
USES: dict[str, Callable[[DescopeClient], Coroutine[Any, Any, object]]] = {
    "management": lambda client: client.mgmt.access_key.load("AK1"),
    "create": lambda client: client.mgmt.access_key.create("n"),
    "exchange": lambda client: client.exchange_access_key(KEY),
    "source": lambda client: client.token_source(KEY).token(),
    "verifier": lambda client: client.access_key_verifier().verify(KEY),
    "refresh": lambda client: client.refresh_key_set(),
}


@pytest.fixture
async def emulator() -> AsyncIterator[Emulator]:
    async with Emulator(signing_algorithm="ES256") as emulator:
        yield emulator


@pytest.mark.parametrize("use", USES)
async def test_a_missing_project_is_told_at_first_use(use: str) -> None:
    client = DescopeClient(management_key="Kmanagement", base_url="http://127.0.0.1:9")
    for _ in range(2):
        with pytest.raises(ConfigurationError, match="DESCOPE_PROJECT_ID"):
            await USES[use](client)
    await client.aclose()


@pytest.mark.parametrize("pinned", [False, True])
async def test_no_token_is_judged_without_a_project(emulator: Emulator, pinned: bool) -> None:
    async with client_of(emulator) as issuer:
        created = await issuer.mgmt.access_key.create("n")
        session = await issuer.exchange_access_key(created.cleartext)
        keys = issuer.export_key_set() if pinned else None
    client = DescopeClient(base_url=emulator.base_url, public_key=keys)
    with pytest.raises(ConfigurationError, match="DESCOPE_PROJECT_ID"):
        client.validate_session_nowait(session.jwt)
    with pytest.raises(ConfigurationError, match="DESCOPE_PROJECT_ID"):
        await client.validate_session(session.jwt)
    await client.aclose()


async def test_to_enter_a_client_is_to_use_it() -> None:
    with pytest.raises(ConfigurationError, match="DESCOPE_PROJECT_ID"):
        async with DescopeClient():
            pass
    with pytest.raises(ConfigurationError, match="DESCOPE_PROJECT_ID"):
        assert DescopeClient().project_id
    assert "project_id=''" in repr(DescopeClient())


def test_to_enter_a_blocking_client_is_to_use_it() -> None:
    with (
        pytest.raises(ConfigurationError, match="DESCOPE_PROJECT_ID"),
        descope_sync.DescopeClient(),
    ):
        pass


def test_what_is_missing_is_listed_without_io() -> None:
    for client in (DescopeClient(), descope_sync.DescopeClient()):
        project, key = client.check()
        assert "DESCOPE_PROJECT_ID" in project
        assert "DESCOPE_MANAGEMENT_KEY" in key
        assert client.check(management=False) == [project]
    assert DescopeClient("P1", "Kmanagement").check() == []
    assert DescopeClient("P1").check(management=False) == []


@pytest.mark.parametrize(
    "wrong",
    [{"project_id": "P 1"}, {"project_id": "__ProjectID__"}, {"management_key": "xxxx"},
     {"base_url": "nonsense"}, {"public_key": "{}"}, {"public_key": {"keys": []}}, {"timeouts": {"read": -1}},
     {"replay_store": object()}],
)  # fmt: skip
def test_what_is_wrong_is_told_at_once_even_without_a_project(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        DescopeClient(**wrong)


async def test_the_service_has_no_objection(emulator: Emulator) -> None:
    async with client_of(emulator) as client:
        assert await client.check_service() == []
        assert emulator.requests.count("license") > 0
    async with client_of(emulator, management_key=None) as client:
        assert await client.check_service(management=False) == []
        (missing,) = await client.check_service()
        assert "DESCOPE_MANAGEMENT_KEY" in missing


def test_the_blocking_client_asks_too() -> None:
    from descope_sync.emulator import Emulator as BlockingEmulator

    with (
        BlockingEmulator(signing_algorithm="ES256") as emulator,
        descope_sync.DescopeClient(
            emulator.project_id, emulator.management_key, base_url=emulator.base_url
        ) as client,
    ):
        assert client.check_service() == []


async def test_a_refused_management_key_is_told(emulator: Emulator) -> None:
    async with client_of(emulator, management_key="Kof-somebody-else") as client:
        (problem,) = await client.check_service()
    assert problem.startswith("the management key is refused")


@pytest.mark.parametrize(
    ("operation", "status", "said"),
    [
        ("access_key.load", 403, "the management key may not manage access keys"),
        ("access_key.load", 500, "access keys cannot be managed"),
        ("license", 500, "the project's rate-limit tier cannot be had"),
        ("key_set", 500, "the project's signing keys cannot be had"),
        ("key_set", 404, "the project's signing keys cannot be had"),
    ],
)
async def test_what_the_service_objects_to(
    emulator: Emulator, operation: str, status: int, said: str
) -> None:
    async with client_of(emulator, retries={"attempts": 1}) as client:
        emulator.faults.add(Fault("status", operation, status=status))
        (problem,) = await client.check_service()
    assert problem.startswith(said)


async def test_clocks_are_compared(emulator: Emulator) -> None:
    clock = EmulatorClock(emulator.clock)
    async with aiohttp.ClientSession() as session, session.get(emulator.base_url) as answer:
        assert "Date" in answer.headers, "by this machine's clock"
    emulator.clock.advance(600)
    async with client_of(emulator, clock=clock) as client:
        (problem,) = await client.check_service()
    assert problem.startswith("this machine's clock is +")
    assert int(problem.partition("+")[2].split()[0]) == pytest.approx(600, abs=10)


async def test_one_problem_does_not_hide_another(emulator: Emulator) -> None:
    clock = EmulatorClock(emulator.clock)
    emulator.clock.advance(600)
    async with client_of(emulator, clock=clock, retries={"attempts": 1}) as client:
        for operation, status in (("key_set", 500), ("access_key.load", 403), ("license", 503)):
            emulator.faults.add(Fault("status", operation, status=status))
        problems = await client.check_service()
    beginnings = (
        "the project's signing keys cannot be had",
        "this machine's clock is +",
        "the management key may not manage access keys",
        "the project's rate-limit tier cannot be had",
    )
    assert len(problems) == len(beginnings), problems
    for problem, begun in zip(problems, beginnings, strict=True):
        assert problem.startswith(begun)
    emulator.faults.clear()
    async with client_of(emulator, clock=clock, management_key=None) as client:
        missing, late = await client.check_service()
    assert "DESCOPE_MANAGEMENT_KEY" in missing
    assert late.startswith("this machine's clock is +")


async def test_a_service_that_does_not_answer_is_named_once() -> None:
    async with DescopeClient(
        "P1", "K1", base_url="http://127.0.0.1:9", clock=QuickTime()
    ) as client:
        (problem,) = await client.check_service()
    assert "no connection to http://127.0.0.1:9" in problem


async def test_a_proxy_that_cannot_be_used_is_a_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    async with DescopeClient("P1", "K1") as client:
        monkeypatch.setenv("HTTPS_PROXY", "socks5://127.0.0.1:9")
        assert await client.check_service() == [
            "the proxy in HTTPS_PROXY is a SOCKS proxy, which is not supported: name an http or https one"
        ]


async def test_a_closed_client_is_no_problem_of_the_service(emulator: Emulator) -> None:
    client = client_of(emulator)
    await client.aclose()
    with pytest.raises(ClientClosed):
        await client.check_service()


def test_trio_is_no_problem_of_the_service() -> None:
    trio: Any = pytest.importorskip("trio")
    for client in (DescopeClient("P1", "K1"), DescopeClient()):
        with pytest.raises(ConfigurationError, match="under trio"):
            trio.run(client.check_service)


async def test_keys_are_taken_as_mappings(emulator: Emulator) -> None:
    async with client_of(emulator) as issuer:
        created = await issuer.mgmt.access_key.create("n")
        session = await issuer.exchange_access_key(created.cleartext)
        exported = json.loads(issuer.export_key_set() or "")
    for pinned in (exported, exported["keys"][0]):
        async with client_of(emulator, public_key=pinned) as client:
            assert client.validate_session_nowait(session.jwt) == session
    async with client_of(emulator, key_set=exported) as client:
        assert await client.validate_session(session.jwt) == session
    with pytest.raises(ConfigurationError, match="public_key cannot be written as JSON"):
        client_of(emulator, public_key={"keys": object()})
