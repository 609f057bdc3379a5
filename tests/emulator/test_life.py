from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import pytest

from descope_async.emulator import Emulator, EmulatorError

Answer = tuple[int, dict[str, Any]]
Ask = Callable[..., Awaitable[Answer]]
Do = Callable[..., Awaitable[dict[str, Any]]]
Create = Callable[..., Awaitable[tuple[dict[str, Any], str]]]


EVERYWHERE = "0.0.0.0"  # noqa: S104 - to be refused


async def test_random_credentials_look_like_the_services(emulator: Emulator) -> None:
    assert emulator.project_id.startswith("P")
    assert len(emulator.project_id) == 28, "a longer id would name a region"
    assert emulator.management_key.startswith("K")
    async with Emulator() as other:
        assert other.project_id != emulator.project_id
        assert other.management_key != emulator.management_key


async def test_given_credentials_are_used() -> None:
    async with Emulator("P2abc", "K2abc") as emulator:
        assert emulator.environment == {
            "DESCOPE_BASE_URI": emulator.base_url,
            "DESCOPE_BASE_URL": emulator.base_url,
            "DESCOPE_PROJECT_ID": "P2abc",
            "DESCOPE_MANAGEMENT_KEY": "K2abc",
            "DESCOPE_EMULATOR_TOKEN": emulator.control_token,
        }


@pytest.mark.parametrize(
    "arguments",
    [
        {"project_id": ""},
        {"project_id": "a:b"},
        {"project_id": "a/b"},
        {"project_id": "P2abc\n"},
        {"project_id": "é"},
        {"management_key": ""},
        {"management_key": "a:b"},
        {"management_key": "a b"},
        {"management_key": "a\n"},
        {"management_key": "é"},
        {"project_id": 5},
        {"management_key": 5},
        {"host": ""},
        {"host": None},
        {"port": "8080"},
        {"port": None},
        {"port": True},
        {"data": 5},
        {"data": "a\0b"},
        {"unsafe_bind": "no"},
        {"tls": "no"},
        {"token_lifetime": "10"},
        {"token_lifetime": 1.5},
        {"token_lifetime": True},
        {"key_rotation": -1},
        {"key_rotation": 1.5},
        {"key_rotation": None},
        {"key_rotation": False},
        {"key_rotation": 10**9},
        {"key_rotation": 10**5000},
        {"host": EVERYWHERE},
        {"host": "::"},
        {"host": "example.com"},
        {"host": "192.168.0.1"},
        {"port": -1},
        {"port": 65536},
        {"token_lifetime": 0},
        {"token_lifetime": 10**9},
        {"signing_algorithm": "none"},
        {"signing_algorithm": "HS256"},
    ],
)
def test_arguments_that_cannot_be_used(arguments: Any) -> None:
    with pytest.raises(EmulatorError):
        Emulator(**arguments)


def test_a_host_that_cannot_be_used_says_what_to_do() -> None:
    with pytest.raises(EmulatorError, match=r"--unsafe-bind; unsafe_bind=True in Python"):
        Emulator(host=EVERYWHERE)
    for unsafe_bind in (False, True):
        with pytest.raises(EmulatorError, match="host must be a non-empty string"):
            Emulator(host="", unsafe_bind=unsafe_bind)


async def test_a_port_in_use_is_named(emulator: Emulator) -> None:
    port = int(emulator.base_url.rpartition(":")[2])
    with pytest.raises(EmulatorError, match=f"port {port}: .*pass another port"):
        await Emulator(port=port).start()


async def test_a_port_that_is_bound_but_not_listened_on_is_in_use(unused_port: int) -> None:
    def start(_: Any = None) -> socket.socket:
        bound = socket.socket()
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(("127.0.0.1", unused_port))
        return bound

    with start() as first, start() as second:
        first.listen(1)
        with pytest.raises(OSError, match="in use"):
            second.listen(1)
        with pytest.raises(EmulatorError, match=f"port {unused_port}: .*pass another port"):
            await Emulator(port=unused_port).start()


async def test_an_address_of_another_machine_is_named() -> None:
    with pytest.raises(EmulatorError, match=r"192\.0\.2\.1 must be an address of this machine"):
        await Emulator(host="192.0.2.1", unsafe_bind=True).start()
    for host in ("a\0b", "x" * 70 + ".test"):
        with pytest.raises(EmulatorError, match="cannot listen on"):
            await Emulator(host=host, unsafe_bind=True).start()


async def test_a_given_port_is_free_again_after_the_end(unused_port: int) -> None:
    for _ in range(2):
        async with Emulator(port=unused_port) as emulator:
            assert emulator.base_url == f"http://127.0.0.1:{unused_port}"
            async with (
                aiohttp.ClientSession() as session,
                session.get(f"{emulator.base_url}/v2/keys/{emulator.project_id}") as response,
            ):
                assert response.status == 200


async def test_localhost_is_one_address() -> None:
    async with (
        Emulator(host="localhost") as emulator,
        aiohttp.ClientSession() as session,
        session.get(f"{emulator.base_url}/v2/keys/{emulator.project_id}") as response,
    ):
        assert response.status == 200


async def test_all_addresses_only_when_told_so() -> None:
    async with Emulator(host=EVERYWHERE, unsafe_bind=True) as emulator:
        assert emulator.base_url.startswith("http://127.0.0.1:")
        async with (
            aiohttp.ClientSession(headers={"Host": "emulator.test"}) as session,
            session.get(f"{emulator.base_url}/v2/keys/P404") as response,
        ):
            assert (await response.json())["errorCode"] == "E011008"


async def test_what_needs_it_running_says_so() -> None:
    emulator = Emulator()
    assert emulator.project_id
    with pytest.raises(EmulatorError, match="start it first"):
        _ = emulator.base_url
    with pytest.raises(EmulatorError, match="start it first"):
        await emulator.snapshot()
    async with emulator:
        with pytest.raises(EmulatorError, match="running already"):
            await emulator.start()
        await emulator.snapshot()
    await emulator.aclose()
    with pytest.raises(EmulatorError, match="start it first"):
        _ = emulator.base_url


async def test_the_end_does_not_wait_for_idle_or_stuck_connections() -> None:
    emulator = Emulator()
    await emulator.start()
    port = int(emulator.base_url.rpartition(":")[2])
    _, idle = await asyncio.open_connection("127.0.0.1", port)
    reader, stuck = await asyncio.open_connection("127.0.0.1", port)
    stuck.write(b"POST /v1/mgmt/accesskey/create HTTP/1.1\r\nContent-Length: 9\r\n\r\n")
    await stuck.drain()
    async with asyncio.timeout(20):
        await emulator.aclose()
        with contextlib.suppress(ConnectionResetError):  # where it was not accepted before the end
            await reader.read()
    for writer in (idle, stuck):
        writer.close()


async def test_a_start_that_fails_lets_go_of_the_port(unused_port: int) -> None:
    emulator = Emulator(port=unused_port, seed={"tenants": [{}]})
    with pytest.raises(EmulatorError, match="seed"):
        await emulator.start()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", unused_port))
    assert repr(emulator) == "<Emulator not running>"


async def test_set_up_from_python(emulator: Emulator, create: Create) -> None:
    await emulator.create_tenant("t1", "One")
    await emulator.create_tenant("t2")
    await emulator.create_role("Reader", ["read", "list"])
    await emulator.create_role("Reader", ["read"], tenant_id="t1")
    user_id = await emulator.create_user("u", role_names=["Reader"], tenants={"t1": ["Reader"]})
    key, _ = await create()
    state = await emulator.snapshot()
    assert state["accessKeys"] == [key]
    assert [(each["id"], each["name"]) for each in state["tenants"]] == [
        ("t1", "One"),
        ("t2", "t2"),
    ]
    assert {"read", "list"} < {each["name"] for each in state["permissions"]}
    assert [(each["name"], each["tenantId"]) for each in state["roles"]] == [
        ("Tenant Admin", ""),
        ("Reader", ""),
        ("Reader", "t1"),
    ]
    (user,) = state["users"]
    assert (user["userId"], user["status"]) == (user_id, "enabled")


async def test_set_up_that_cannot_be_done_says_why(emulator: Emulator) -> None:
    await emulator.create_tenant("t1")
    with pytest.raises(EmulatorError, match="A tenant of this id exists"):
        await emulator.create_tenant("t1")
    with pytest.raises(EmulatorError, match="The user does not exist"):
        await emulator.set_user_status("U404", "enabled")
    with pytest.raises(EmulatorError, match="there is no project P404"):
        await emulator.create_tenant("t1", project_id="P404")
    with pytest.raises(EmulatorError, match="there is no project P404"):
        await emulator.create_management_key(["P404"])
    with pytest.raises(EmulatorError, match="exists already"):
        await emulator.create_project(emulator.project_id)
    with pytest.raises(EmulatorError, match="project_id must be"):
        await emulator.create_project("")
    with pytest.raises(EmulatorError, match="management_key must be"):
        await emulator.create_management_key([], "")
    with pytest.raises(EmulatorError, match="exists already"):
        await emulator.create_management_key([], emulator.management_key)


async def test_half_a_project_is_not_made(emulator: Emulator) -> None:
    with pytest.raises(EmulatorError, match="management key exists already"):
        await emulator.create_project("P2other", emulator.management_key)
    with pytest.raises(EmulatorError, match="there is no project P2other"):
        await emulator.snapshot("P2other")
    with pytest.raises(EmulatorError, match=r"the project .* exists already"):
        await emulator.create_project(emulator.project_id, "K2other")
    await emulator.create_project("P2other", "K2other")


async def test_set_up_with_wrong_types_is_refused(emulator: Emulator) -> None:
    wrong: Any = emulator
    before = await emulator.snapshot()
    calls: list[Callable[[], Awaitable[Any]]] = [
        lambda: wrong.create_role("R", "read"),
        lambda: wrong.create_role("R", ["read", ""]),
        lambda: wrong.create_role("R", None),
        lambda: wrong.create_user("u", role_names="Admin"),
        lambda: wrong.create_user("u", role_names=[5]),
        lambda: wrong.create_user("u", tenants={"t": "Admin"}),
        lambda: wrong.create_user("u", tenants=["t"]),
        lambda: wrong.create_user("u", tenants={5: []}),
        lambda: wrong.create_user(5),
        lambda: wrong.create_tenant(5),
        lambda: wrong.create_tenant("t", project_id=[]),
        lambda: wrong.create_tenant("t", project_id=""),
        lambda: wrong.create_management_key("Pnew"),
        lambda: wrong.create_management_key([], 5),
        lambda: wrong.create_project(5),
        lambda: wrong.create_project("P", 5),
        lambda: wrong.delete_user(None),
    ]
    for call in calls:
        with pytest.raises(EmulatorError):
            await call()
    assert await emulator.snapshot() == before


async def test_projects_are_apart(emulator: Emulator, create: Create) -> None:
    other = await emulator.create_project("P2other", "K2other")
    assert (other.project_id, other.management_key) == ("P2other", "K2other")
    await emulator.create_tenant("t1")
    await emulator.create_user("u")
    await create()
    theirs = await emulator.snapshot("P2other")
    assert theirs["tenants"] == theirs["users"] == theirs["accessKeys"] == []
    await emulator.create_tenant("t1", project_id="P2other")
    assert "K2other" not in repr(other)


async def test_many_requests_at_once(create: Create, exchange: Ask, do: Do) -> None:
    created = await asyncio.gather(*(create(name=f"k{n}") for n in range(50)))
    assert len({cleartext for _, cleartext in created}) == 50
    answers = await asyncio.gather(*(exchange(cleartext) for _, cleartext in created * 4))
    assert [answer["keyId"] for _, answer in answers] == [key["id"] for key, _ in created * 4]
    assert len((await do("accesskey/search"))["keys"]) == 50


async def test_secrets_are_in_no_log_and_no_repr(
    emulator: Emulator,
    create: Create,
    exchange: Ask,
    do: Do,
    manage: Ask,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    key, cleartext = await create()
    await exchange(cleartext)
    await manage("accesskey/create", data=f'{{"name": "{cleartext}'.encode())
    fresh = (await do("accesskey/rotate", {"id": key["id"]}))["cleartext"]
    written = caplog.text + repr(emulator) + str(await emulator.snapshot())
    for secret in (cleartext, fresh, emulator.management_key):
        assert secret not in written


def fail(_: Any) -> Any:
    raise RuntimeError("CANARY")


def no_json(_: Any) -> Any:
    return {"name": "CANARY", "customClaims": {"a": float("nan")}}


@pytest.mark.parametrize("replacement", [fail, no_json])
async def test_a_failure_inside_is_answered_without_its_details(
    manage: Ask,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    replacement: Callable[[Any], Any],
) -> None:
    monkeypatch.setattr(
        "descope_async.emulator._serving.admission.parse", replacement
    )  # no known fault
    status, answer = await manage("accesskey/create", {"name": "k", "customClaims": {"a": 1}})
    assert status == 500
    assert "CANARY" not in str(answer)
    assert "cannot answer POST /v1/mgmt/accesskey/create" in caplog.text
