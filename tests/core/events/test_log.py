"""Log lines: of which level, and with which fields."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from descope_async import (
    NotFound,
    OutcomeUnknown,
    TokenMalformed,
    Unauthorized,
)
from descope_async.emulator import Emulator
from descope_async.events import (
    AttemptEnded,
    CallEnded,
    CallStarted,
    SessionChecked,
    TokenRenewed,
)
from tests.core.events.telling import (
    BUSY,
    CREATE,
    GOOD,
    LOAD,
    SLOW,
    Told,
    client_of,
    local_client,
    records_of,
)
from tests.quick_time import QuickTime
from tests.servers import Servers

_PLAIN = (str, int, float, bool, type(None))


async def test_levels(servers: type[Servers], caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "descope_async")
    answers: list[tuple[Any, ...]] = [SLOW, BUSY, GOOD, BUSY, ("404 None", b"")]
    behaviour = servers.in_turn(*(servers.answer(*each) for each in answers))
    async with (
        servers.running(behaviour, license=servers.licensed) as server,
        client_of(server, clock=QuickTime()) as client,
    ):
        await client.mgmt.access_key.load("AK1")
        with pytest.raises(OutcomeUnknown):
            await client.mgmt.access_key.create("n")
        with pytest.raises(NotFound):
            await client.mgmt.access_key.load("AK1")

    def levels(event: str, operation: str) -> list[int]:
        return [record.levelno for record in records_of(caplog, event, operation)]

    assert levels("CallStarted", LOAD) == [logging.DEBUG] * 2
    assert levels("AttemptEnded", LOAD) == [logging.DEBUG] * 4
    assert levels("RetryPlanned", LOAD) == [logging.INFO] * 2
    assert levels("GateClosed", LOAD) == [logging.WARNING]
    assert levels("CallEnded", LOAD) == [logging.DEBUG, logging.INFO]
    assert levels("CallEnded", CREATE) == [logging.WARNING]
    (record,) = records_of(caplog, "CallEnded", CREATE)
    assert record.getMessage().startswith("access_key.create of 'n' ends after ")
    assert record.getMessage().endswith(": 503 OutcomeUnknown, which says what to do")
    assert record.__dict__["descope_outcome"] == "unknown"
    assert record.__dict__["descope_server_address"] == "127.0.0.1"


async def test_what_is_usual_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "descope_async")
    async with Emulator() as emulator, local_client(emulator) as client:
        created = await client.mgmt.access_key.create("n")
        session = await client.exchange_access_key(created.cleartext)
        await client.validate_session(session.jwt)
        assert await client.token_source(created.cleartext).token()
    assert [each for each in caplog.records if each.name == "descope_async"] == []


async def test_a_record_holds_plain_values(caplog: pytest.LogCaptureFixture) -> None:
    """A record that is kept keeps nothing else alive, least of all frames."""
    caplog.set_level(logging.DEBUG, "descope_async")
    told = Told()
    async with Emulator() as emulator, local_client(emulator, told) as client:
        created = await client.mgmt.access_key.create("n")
        source, verifier = client.token_source(created.cleartext), client.access_key_verifier()
        await client.validate_session((await client.exchange_access_key(created.cleartext)).jwt)
        assert await source.token()
        assert await verifier.verify(created.cleartext)
        assert not await verifier.verify("K" * 30)
        with pytest.raises(TokenMalformed):
            await client.validate_session("no token")
        with pytest.raises(Unauthorized):
            await client.exchange_access_key("K" * 30)
    kinds = {type(event) for event in told.events}
    assert {CallStarted, AttemptEnded, CallEnded, SessionChecked, TokenRenewed} < kinds
    for record in caplog.records:
        if record.name == "descope_async":
            assert record.exc_info is None
            said = {key: value for key, value in vars(record).items() if "descope_" in key}
            assert said
            assert {type(value) for value in said.values()} <= set(_PLAIN)
    for event in told.events:
        assert all(isinstance(value, _PLAIN) for value in event.to_dict().values())
        assert str(event)
