"""A canary for every secret that passes through: it is in no error, traceback, log, repr or URL."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import pickle
import subprocess
import sys
import traceback
from collections.abc import Callable
from typing import Any, cast

import pytest

import descope_async
import descope_sync
from descope_async import DescopeError
from descope_async.errors import UnexpectedResponse
from descope_async.events import Event
from descope_async.secret_stores import open_store
from tests.servers import Servers

MANAGEMENT = "KcanaryManagement"
AUTH = "KcanaryAuthManagement"
ACCESS = "KcanaryAccessKeyOfSomeLength"
TOKEN = "eyJhbGciOiJSUzI1NiIsImtpZCI6ImsifQ.eyJjYW5hcnkiOiJjYW5hcnkifQ.Y2FuYXJ5"
CLEARTEXT = "canaryCleartext"
NAME = "NameOfAnAccessKey"
HEADER = "canaryOfAGateway"
#: The calls that ask for signing keys and nothing else.
FETCHES = ("validate", "refresh")
#: A key of somebody else, as long as the service's are, that a confused server repeats.
ANOTHER = "KcanaryOfAnotherCaller" + "Xy3" * 14
PROOF_KEY = descope_async.ProofKey.generate()
CANARIES = [MANAGEMENT, AUTH, ACCESS, *TOKEN.split("."), CLEARTEXT, "canary"]

# The calls take their secrets out of functions: a local variable of the caller's is the caller's.
CALLS: dict[str, Callable[[Any], Any]] = {
    "create": lambda client: client.mgmt.access_key.create(NAME),
    "rotate": lambda client: client.mgmt.access_key.rotate("id"),
    "load": lambda client: client.mgmt.access_key.load("id"),
    "exchange": lambda client: client.exchange_access_key(ACCESS),
    "exchange, bad audience": lambda client: client.exchange_access_key(ACCESS, 5),
    "exchange, bad options": lambda client: client.exchange_access_key(ACCESS, None, {"x": 1}),
    "exchange, bad key": lambda client: client.exchange_access_key(f"{ACCESS}\0"),
    "exchange, kept": lambda client: client.token_source(ACCESS).token(),
    "exchange, kept, warmed": lambda client: client.token_source(lambda: ACCESS).warm_up(),
    "exchange, kept, bad options": lambda client: client.token_source(ACCESS, {"x": 1}),
    "exchange, kept, bad key": lambda client: client.token_source(lambda: f"{ACCESS}\0").headers(),
    "validate": lambda client: client.validate_session(TOKEN),
    "refresh": lambda client: client.refresh_key_set(),
    "validate, cut": lambda client: client.validate_session(TOKEN[:-2]),
    "validate, bad audience": lambda client: client.validate_session(TOKEN, 5),
    "validate, proof": lambda client: client.validate_session(TOKEN, dpop=_request()),
    "validate, bad proof": lambda client: client.validate_session(TOKEN, dpop=TOKEN),
    "validate, bad proof, at once": (
        lambda client: client.validate_session_nowait(TOKEN, dpop={"proofs": TOKEN})
    ),
    "exchange, kept, bytes": lambda client: client.token_source(ACCESS.encode()),
    "exchange, bytes": lambda client: client.exchange_access_key(ACCESS.encode()),
}


def _request() -> descope_async.DPoPRequest:
    headers = {"Authorization": f"DPoP {TOKEN}", "DPoP": TOKEN}
    return descope_async.DPoPRequest.from_headers("GET", "https://api.example.com/", headers)


def sent_by(call: str) -> str:
    """The secrets that the call has sent."""
    sent = [ACCESS, AUTH] if call.startswith("exchange") else [MANAGEMENT]
    return "nothing" if call.startswith(FETCHES) else " ".join(sent)


def echo(call: str) -> bytes:
    """An error body that repeats what the call has sent, and what the client may have sent before."""
    said = f"{sent_by(call)}, {MANAGEMENT}, {AUTH}, {HEADER}, {TOKEN}, {ANOTHER}"
    return json.dumps({"errorCode": "E1", "errorDescription": said, "errorMessage": said}).encode()


def misspelt(call: str) -> bytes:
    """A successful answer that is not the documented one, with whatever secret it brings."""
    secret = {"sessionJwt": [TOKEN]} if call.startswith("exchange") else {"cleartext": CLEARTEXT}
    document: dict[str, Any] = {"key": {"id": 5}, **secret}
    if call.startswith(FETCHES):  # a server that answers to something else may say anything
        document = {"keys": [{"kid": 1, "note": CLEARTEXT}]}
    return json.dumps(document).encode()


def behaviours(servers: type[Servers], call: str) -> dict[str, Any]:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n"
    return {
        "closes": servers.raw(b""),
        "garbage": servers.raw(b"\0\1\2\r\n\r\n"),
        "cut": servers.raw(head + misspelt(call)),
        "busy": servers.answer("503 Busy", echo(call), "Retry-After: 0"),
        "echoes": servers.answer(
            "401 Unauthorized", echo(call), f"x-request-id: {sent_by(call)} {AUTH}"
        ),
        "misspells": servers.answer("200 OK", misspelt(call)),
        "fails, and yet has it": servers.answer("502 Oops", misspelt(call)),
        "stalls": servers.silence,
    }


def shown(error: BaseException) -> str:
    """What a log that shows local variables would show, whatever it follows."""
    text = list[str]()
    pending: list[BaseException | None] = [error]
    while pending:
        each = pending.pop()
        if each is None:
            continue
        text += [repr(each), str(each)]
        if not isinstance(each, UnexpectedResponse):  # its cleartext is there to be found
            text.append(repr(vars(each)))
        for frame, _ in traceback.walk_tb(each.__traceback__):
            if not frame.f_code.co_filename.endswith("test_secrets.py"):
                text.append(f"{frame.f_code.co_qualname}: {frame.f_locals!r}")
        pending += [each.__cause__, each.__context__]
    return "\n".join(text)


@pytest.mark.parametrize("world", ["async", "sync"])
@pytest.mark.parametrize("call", sorted(CALLS))
@pytest.mark.parametrize(
    "behaviour",
    [
        *("closes", "garbage", "cut", "busy", "echoes", "misspells", "fails, and yet has it"),
        "stalls",
    ],
)
async def test_no_failure_shows_a_secret(
    servers: type[Servers], caplog: pytest.LogCaptureFixture, world: str, call: str, behaviour: str
) -> None:
    caplog.set_level(logging.DEBUG)
    asyncio.get_running_loop().set_debug(True)
    asyncio.get_running_loop().slow_callback_duration = 0  # so that each is logged
    told = list[Event]()
    settings: dict[str, Any] = {
        "hooks": [told.append],
        "auth_management_key": AUTH,
        "headers": {"X-Gateway-Key": HEADER},
        "timeouts": {"deadline": 0.3, "exchange": 0.3, "keys": 0.3},
    }
    async with servers.running(behaviours(servers, call)[behaviour]) as server:
        settings["base_url"] = server.base_url
        if world == "async":
            async with descope_async.DescopeClient("P1", MANAGEMENT, **settings) as client:
                with pytest.raises(DescopeError) as caught:
                    await CALLS[call](client)
        else:
            caught = await asyncio.to_thread(_in_sync, call, settings)
        urls = b" ".join(head.split(b"\r\n")[0] for head in server.received)
    said = caplog.text + "".join(f"{event} {event!r} {event.to_dict()}" for event in told)
    said += "".join(repr(vars(record)) for record in caplog.records)
    text = shown(caught.value) + said + repr(client if world == "async" else "")
    # Who makes a key must find it again if its secret is lost.
    assert (NAME in said) == (call == "create")
    for canary in CANARIES:
        assert canary not in text, text
        assert canary.encode() not in urls


@pytest.mark.parametrize("world", ["async", "sync"])
@pytest.mark.parametrize("behaviour", ["closes", "garbage", "cut", "echoes", "misspells", "stalls"])
async def test_no_verification_shows_a_secret(
    servers: type[Servers], caplog: pytest.LogCaptureFixture, world: str, behaviour: str
) -> None:
    caplog.set_level(logging.DEBUG)
    told = list[Event]()
    settings: dict[str, Any] = {
        "auth_management_key": AUTH,
        "headers": {"X-Gateway-Key": HEADER},
        "timeouts": {"exchange": 0.3},
        "hooks": [told.append],
    }
    async with servers.running(behaviours(servers, "exchange")[behaviour]) as server:
        settings["base_url"] = server.base_url
        async with descope_async.DescopeClient("P1", MANAGEMENT, **settings) as client:
            verifier: Any = client.access_key_verifier()
            if world == "async":
                result = await verifier.verify(ACCESS)
            else:
                verifier, result = await asyncio.to_thread(_verified_in_sync, settings)
        urls = b" ".join(head.split(b"\r\n")[0] for head in server.received)
    assert server.received
    assert not result
    assert told
    text = repr([result, str(result), verifier]) + caplog.text + repr([told, *map(str, told)])
    assert pickle.loads(pickle.dumps(result)) == result  # noqa: S301 - our own
    for canary in CANARIES:
        assert canary not in text, text
        assert canary.encode() not in urls + pickle.dumps(result)


def _verified_in_sync(settings: dict[str, Any]) -> tuple[Any, Any]:
    with descope_sync.DescopeClient("P1", MANAGEMENT, **settings) as client:
        verifier = client.access_key_verifier()
        result = verifier.verify(ACCESS)
    with pytest.raises(DescopeError) as caught:
        verifier.verify(ACCESS)
    assert ACCESS not in shown(caught.value)
    return verifier, result


def _in_sync(call: str, settings: dict[str, Any]) -> pytest.ExceptionInfo[DescopeError]:
    with (
        descope_sync.DescopeClient("P1", MANAGEMENT, **settings) as client,
        pytest.raises(DescopeError) as caught,
    ):
        CALLS[call](client)
    return caught


@pytest.mark.parametrize("package", [descope_async, descope_sync])
@pytest.mark.parametrize(
    "settings",
    [
        {"management_key": f"{MANAGEMENT}\0"},
        {"management_key": MANAGEMENT, "auth_management_key": f"{AUTH} x"},
        {"management_key": MANAGEMENT, "base_url": "http://api.example.com"},
        {"management_key": MANAGEMENT, "public_key": "{canary"},
    ],
    ids=["management key", "auth management key", "base url", "public key"],
)
def test_no_refused_setting_shows_a_secret(package: Any, settings: dict[str, Any]) -> None:
    with pytest.raises(DescopeError) as caught:
        package.DescopeClient("P1", **settings)
    text = shown(caught.value)
    for canary in (MANAGEMENT, AUTH):
        assert canary not in text, text


@pytest.mark.parametrize("package", [descope_async, descope_sync])
def test_no_refused_setting_shows_the_environment(
    package: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DESCOPE_MANAGEMENT_KEY", MANAGEMENT)
    monkeypatch.setenv("SOMEBODY_ELSES_SECRET", CLEARTEXT)
    with pytest.raises(DescopeError) as caught:
        package.DescopeClient("P1", base_url="http://api.example.com")
    text = shown(caught.value)
    assert MANAGEMENT not in text
    assert CLEARTEXT not in text


#: Calls without a client, which refuse what would be a secret in the place of something else.
REFUSED: dict[str, Callable[[], Any]] = {
    "reference": lambda: descope_async.SecretReference.parse(ACCESS),
    "reference, bytes": lambda: descope_async.SecretReference.parse(cast("str", ACCESS.encode())),
    "reference, colon": lambda: descope_async.SecretReference.parse(f"{ACCESS}:x"),
    "store": lambda: open_store(ACCESS),
    "store, colon": lambda: open_store(f"{ACCESS}:x"),
    "secret": lambda: descope_async.write_secret("path", f"{ACCESS} x"),
    "proof key": lambda: descope_async.ProofKey(cast("Any", ACCESS)),
    "proof key, PEM": lambda: descope_async.ProofKey.from_pem(ACCESS),
    "proof, bad URL": lambda: PROOF_KEY.proof("GET", "/", TOKEN),
    "proof, bad token": lambda: PROOF_KEY.proof("GET", "https://a.example/", f"{TOKEN}\n"),
    "headers, bad method": lambda: PROOF_KEY.headers(TOKEN, "", "https://a.example/"),
    "headers, bad token": lambda: PROOF_KEY.headers(f"{TOKEN}\n", "GET", "https://a.example/"),
    "headers, no token": lambda: PROOF_KEY.headers(
        cast("str", TOKEN.encode()), "GET", "https://a.example/", nonce=TOKEN
    ),
    "request, bad proofs": lambda: descope_async.DPoPRequest(
        "GET", "https://a.example/", cast("Any", TOKEN.encode())
    ),
}


@pytest.mark.parametrize("call", REFUSED)
def test_no_refused_argument_is_shown(call: str) -> None:
    with pytest.raises(DescopeError) as caught:
        REFUSED[call]()
    text = shown(caught.value)
    for canary in CANARIES:
        assert canary not in text, text


def test_no_request_shows_the_token_that_came_with_it() -> None:
    request = descope_async.DPoPRequest(
        "GET", f"wss://api.example.com/live?token={TOKEN}#x", TOKEN, f"DPoP {TOKEN}"
    )
    text = f"{request} {request!r} {vars(request)}"
    assert request.scheme == "DPoP"
    assert request.url.endswith(f"{TOKEN}#x")
    assert request.to_dict()["url"] == "wss://api.example.com/live"
    for canary in CANARIES:
        assert canary not in text, text


@pytest.mark.parametrize("how", ["timeout", "cancel"])
async def test_no_interrupted_call_shows_a_secret(servers: type[Servers], how: str) -> None:
    async with (
        servers.running(servers.silence) as server,
        descope_async.DescopeClient("P1", MANAGEMENT, base_url=server.base_url) as client,
    ):
        if how == "timeout":
            with pytest.raises(TimeoutError) as late:
                async with asyncio.timeout(0.2):
                    await CALLS["exchange"](client)
            text = shown(late.value)
        else:
            task = asyncio.ensure_future(CALLS["load"](client))
            await asyncio.sleep(0.2)
            task.cancel()
            with pytest.raises(asyncio.CancelledError) as cancelled:
                await task
            text = shown(cancelled.value)
    for canary in CANARIES:
        assert canary not in text, text


DEBUGGED = """
import asyncio, logging, sys
import descope_async, descope_sync
from descope_async import DescopeError

logging.basicConfig(level=logging.DEBUG)
base_url, management, auth, header, access = sys.argv[1], *sys.stdin.read().split()
account = {"management_key": management, "auth_management_key": auth}
account |= {"headers": {"X-Gateway-Key": header}}
account |= {"base_url": base_url, "timeouts": {"deadline": 0.5}}

async def main():
    asyncio.get_running_loop().slow_callback_duration = 0
    async with descope_async.DescopeClient("P1", **account) as client:
        calls = [
            client.mgmt.access_key.create("n"),
            client.mgmt.access_key.load("AK1"),
            client.exchange_access_key(access),
            client.token_source(access).token(),
        ]
        task = asyncio.ensure_future(client.mgmt.access_key.rotate("AK1"))
        await asyncio.sleep(0.1)
        task.cancel()
        for done in await asyncio.gather(task, *calls, return_exceptions=True):
            logging.info("came to nothing", exc_info=done)

asyncio.run(main())
with descope_sync.DescopeClient("P1", **account) as client:
    try:
        client.mgmt.access_key.create("n")
    except DescopeError:
        logging.exception("came to nothing")
print("through")
"""


@pytest.mark.parametrize("behaviour", ["busy", "misspells"])
async def test_no_debug_mode_shows_a_secret(servers: type[Servers], behaviour: str) -> None:
    async with servers.running(behaviours(servers, "create")[behaviour]) as server:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-X", "dev", "-c", DEBUGGED, server.base_url),
            env={**os.environ, "PYTHONASYNCIODEBUG": "1", "AIOHTTP_NO_EXTENSIONS": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        out, _ = await process.communicate(f"{MANAGEMENT} {AUTH} {HEADER} {ACCESS}".encode())
    text = out.decode()
    assert "through" in text
    assert "came to nothing" in text
    assert "DEBUG:asyncio" in text
    for canary in CANARIES:
        assert canary not in text, text


async def test_no_key_that_was_found_late_is_shown(
    servers: type[Servers], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with (
        servers.running(servers.answer("401 Unauthorized", echo("load"))) as server,
        descope_async.DescopeClient("P1", base_url=server.base_url) as client,
    ):
        monkeypatch.setenv("DESCOPE_MANAGEMENT_KEY", MANAGEMENT)
        monkeypatch.setenv("DESCOPE_AUTH_MANAGEMENT_KEY", AUTH)
        for call in ("load", "exchange"):
            with pytest.raises(DescopeError) as caught:
                await CALLS[call](client)
        text = shown(caught.value)
    assert "401" in text
    assert MANAGEMENT not in text
    assert AUTH not in text


async def test_the_secret_of_a_misspelt_answer_is_handed_over(servers: type[Servers]) -> None:
    async with (
        servers.running(servers.answer("200 OK", misspelt("create"))) as server,
        descope_async.DescopeClient("P1", MANAGEMENT, base_url=server.base_url) as client,
    ):
        for call in ("create", "rotate"):
            with pytest.raises(UnexpectedResponse) as caught:
                await CALLS[call](client)
            assert caught.value.cleartext == CLEARTEXT
            assert caught.value.path == "$.key.id"
