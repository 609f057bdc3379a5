"""The events of tokens, key sets and presented keys."""

from __future__ import annotations

import base64
import json

import pytest

from descope_async import (
    KeySetUnavailable,
    ServerError,
    UnknownKey,
)
from descope_async.emulator import Emulator, Fault
from descope_async.events import (
    AccessKeyChecked,
    CallStarted,
    KeySetFetched,
    SessionChecked,
    StaleTokenServed,
    TokenRenewed,
)
from descope_async.testing import EmulatorClock
from tests.core.events.telling import Told, local_client, records_of


@pytest.fixture
def told() -> Told:
    return Told()


async def test_a_token_sources_life(told: Told) -> None:
    async with (
        Emulator(token_lifetime=600) as emulator,
        local_client(
            emulator, told, retries={"attempts": 1}, clock=EmulatorClock(emulator.clock)
        ) as client,
    ):
        created = await client.mgmt.access_key.create("n")
        source = client.token_source(created.cleartext)
        first = await source.token()
        source.invalidate(first)
        await source.token()
        emulator.clock.advance(596)
        emulator.faults.add(Fault("status", "exchange", status=500, times=1))
        assert await source.token()
        emulator.clock.advance(1000)
        assert await source.token()
        emulator.faults.add(Fault("status", "exchange", status=500, times=1))
        emulator.clock.advance(1000)
        with pytest.raises(ServerError):
            await source.token()
    renewals = told.all(TokenRenewed)
    assert [(each.outcome, each.trigger, each.error_type) for each in renewals] == [
        ("done", "first", None),
        ("done", "invalidated", None),
        ("error", "due", "ServerError"),
        ("done", "expired", None),
        ("error", "expired", "ServerError"),
    ]
    assert [each.age is None for each in renewals] == [True, True, False, False, False]
    assert renewals[2].age == pytest.approx(596, abs=4)
    assert renewals[2].usable_for == pytest.approx(4, abs=4)
    assert renewals[2].is_first_failure
    assert renewals[4].usable_for is None
    (stale,) = told.all(StaleTokenServed)
    assert 0 < stale.usable_for <= 4


async def test_key_sets(told: Told) -> None:
    async with Emulator() as emulator, local_client(emulator, told) as client:
        created = await client.mgmt.access_key.create("n")
        session = await client.exchange_access_key(created.cleartext)
        await client.refresh_key_set()
        await emulator.rotate_signing_keys()
        await client.exchange_access_key(created.cleartext)
        header = session.jwt.split(".")
        with pytest.raises(UnknownKey):
            await client.validate_session(_with_kid(header, "another"))
        emulator.faults.add(Fault("status", "key_set", status=400))
        with pytest.raises(KeySetUnavailable):
            await client.refresh_key_set()
    fetched = told.all(KeySetFetched)
    assert [each.reason for each in fetched] == [
        "first",
        "asked",
        "unknown_key",
        "unknown_key",
        "asked",
    ]
    assert [each.outcome for each in fetched] == ["done"] * 4 + ["error"]
    assert fetched[0].age is fetched[0].usable_for is None
    assert fetched[0].keys >= 1
    assert fetched[1].age >= 0
    assert (fetched[4].error_type, fetched[4].keys) == ("BadRequest", None)
    assert fetched[4].usable_for > 0
    paths = {each.call.path for each in told.all(CallStarted) if each.call.operation == "key_set"}
    assert paths == {"/v2/keys/{project_id}"}
    checks = told.all(SessionChecked)
    assert [each.error_type for each in checks] == [None, None, "UnknownKey"]
    assert {each.operation for each in checks} == {"exchange_access_key", "validate_session"}


def _with_kid(parts: list[str], kid: str) -> str:
    header = base64.urlsafe_b64encode(json.dumps({"alg": "RS256", "kid": kid}).encode())
    return ".".join([header.rstrip(b"=").decode(), *parts[1:]])


async def test_presented_keys(told: Told, caplog: pytest.LogCaptureFixture) -> None:
    async with (
        Emulator() as emulator,
        local_client(emulator, told, retries={"attempts": 1}) as client,
    ):
        created = await client.mgmt.access_key.create("n")
        verifier = client.access_key_verifier()
        for _ in range(3):
            assert await verifier.verify(created.cleartext)
        assert not await verifier.verify("K" * 30)
        assert not await verifier.verify("short")
        emulator.faults.add(Fault("status", "exchange", status=500))
        for key in ("L" * 30, "M" * 30):
            assert (await verifier.verify(key)).reason == "unavailable"
    checks = told.all(AccessKeyChecked)
    assert [(each.reason, each.is_outage) for each in checks] == [
        ("valid", False),
        ("refused", False),
        ("unavailable", True),
        ("unavailable", False),
    ]
    assert len(records_of(caplog, "AccessKeyChecked")) == 1
    assert "500" in records_of(caplog, "AccessKeyChecked")[0].getMessage()
