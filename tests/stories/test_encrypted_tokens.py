"""Session tokens that only Descope can read (JWE), as a project can have them."""

from __future__ import annotations

import json
import time
from base64 import urlsafe_b64encode
from typing import Any

import pytest

from descope_async import DescopeClient, TokenMalformed, UnexpectedResponse
from descope_async.compat import AuthException, DescopeClientAsync
from descope_async.emulator import Emulator
from descope_async.events import CallEnded, Event
from tests.servers import Behaviour, Servers

ACCESS_KEY = "K2" + "a" * 40
HEADER = {"alg": "RSA-OAEP-256", "enc": "A256GCM", "kid": "k1", "cty": "JWT"}


def encrypted(header: Any = HEADER) -> str:
    """Five segments, of which nobody here has the key."""
    parts = [json.dumps(header).encode(), b"key" * 80, b"vector", b"text" * 90, b"tag"]
    return ".".join(urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


TOKEN = encrypted()


def answering(servers: type[Servers], **changes: Any) -> Behaviour:
    body = {"sessionJwt": TOKEN, "keyId": "K2id", "expiration": int(time.time()) + 600, **changes}  # noqa: TID251 - as the service has it
    return servers.answer("200 OK", json.dumps(body).encode(), "x-request-id: R1")


async def test_an_exchange_gives_a_session_that_grants_nothing(servers: type[Servers]) -> None:
    async with (
        servers.running(answering(servers)) as server,
        DescopeClient("P1", base_url=server.base_url) as client,
    ):
        session = await client.exchange_access_key(ACCESS_KEY)
    assert session.is_encrypted
    assert (session.jwt, session.key_id, session.project_id) == (TOKEN, "K2id", "P1")
    assert 500 < session.expire_time - time.time() < 700  # noqa: TID251 - as the service has it
    assert (session.claims, session.roles, session.permissions, session.tenants) == ({}, (), (), {})
    assert not session.validate_roles(["Admin"])
    assert not session.validate_tenant_roles("t1", [])
    assert TOKEN not in repr(session)


async def test_a_source_hands_it_on(servers: type[Servers]) -> None:
    async with (
        servers.running(answering(servers)) as server,
        DescopeClient("P1", base_url=server.base_url) as client,
    ):
        source = client.token_source(ACCESS_KEY)
        assert await source.token() == TOKEN
        assert source.get_nowait() == TOKEN, "it lives for as long as the answer says"
        assert len(server.received) == 2, "one request: its head and its body"


@pytest.mark.parametrize("expiration", [None, 0, 5, 1_000_000_000])
async def test_an_answer_must_say_when_it_ends(servers: type[Servers], expiration: Any) -> None:
    told: list[Event] = []
    async with (
        servers.running(answering(servers, expiration=expiration)) as server,
        DescopeClient("P1", base_url=server.base_url, hooks=[told.append]) as client,
    ):
        for ask in (
            lambda: client.exchange_access_key(ACCESS_KEY),
            client.token_source(ACCESS_KEY).token,
        ):
            with pytest.raises(UnexpectedResponse, match="encrypted") as caught:
                await ask()
            error = caught.value
            assert (error.path, error.operation) == ("$.expiration", "exchange_access_key")
            assert (error.status_code, error.request_id) == (200, "R1")
    ended = [event for event in told if isinstance(event, CallEnded)]
    assert [(event.outcome, event.attempts) for event in ended] == [("error", 1)] * 2


async def test_it_cannot_be_validated() -> None:
    async with (
        Emulator() as emulator,
        DescopeClient(emulator.project_id, base_url=emulator.base_url) as client,
    ):
        for token in (TOKEN, TOKEN.encode()):
            with pytest.raises(TokenMalformed, match="encrypted"):
                await client.validate_session(token)
        for other in (
            "a.b.c.d.e",
            encrypted({"alg": "dir"}),
            encrypted({**HEADER, "enc": 5}),
            encrypted([]),
            f"{TOKEN}.f",
            "." * 4,
            f"{TOKEN}é",
        ):
            with pytest.raises(TokenMalformed) as caught:
                await client.validate_session(other)
            assert "encrypted" not in str(caught.value)


async def test_the_official_interface_refuses_it(servers: type[Servers]) -> None:
    async with servers.running(answering(servers)) as server:
        client = DescopeClientAsync("P1", base_url=server.base_url)
        with pytest.raises(AuthException, match="encrypted") as brought:
            await client.exchange_access_key(ACCESS_KEY)
        assert brought.value.status_code == 500, "the access key is good"
        with pytest.raises(AuthException, match="encrypted") as presented:
            await client.validate_session(TOKEN)
        assert presented.value.status_code == 401
        await client.aclose()
