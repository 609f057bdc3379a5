from __future__ import annotations

import asyncio
import ssl

import aiohttp
import pytest

from descope_async.emulator import Emulator, EmulatorError, Fault


def trusting(emulator: Emulator) -> ssl.SSLContext:
    return ssl.create_default_context(cadata=emulator.certificate)


async def test_who_trusts_the_certificate_is_answered() -> None:
    async with Emulator(tls=True) as emulator, aiohttp.ClientSession() as session:
        assert emulator.base_url.startswith("https://127.0.0.1:")
        assert emulator.environment["DESCOPE_BASE_URI"] == emulator.base_url
        path = f"/v2/keys/{emulator.project_id}"
        for base in (emulator.base_url, emulator.base_url.replace("127.0.0.1", "localhost")):
            async with session.get(base + path, ssl=trusting(emulator)) as response:
                assert response.status == 200


async def test_others_refuse_it_and_reach_nothing() -> None:
    async with Emulator(tls=True) as emulator, aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.ClientConnectorCertificateError):
            await session.get(f"{emulator.base_url}/v2/keys/P404")
        with pytest.raises(aiohttp.ClientError):
            await session.get(f"{emulator.base_url}/v2/keys/P404".replace("https", "http"))
        assert emulator.requests.count() == 0


async def test_each_start_has_a_certificate_of_its_own() -> None:
    emulator = Emulator(tls=True)
    with pytest.raises(EmulatorError, match="construct it with tls, and start it"):
        _ = emulator.certificate
    found: set[str] = set()
    for _ in range(2):
        async with emulator:
            found.add(emulator.certificate)
            assert "PRIVATE" not in emulator.certificate
    assert len(found) == 2
    async with Emulator() as plain:
        with pytest.raises(EmulatorError, match="construct it with tls"):
            _ = plain.certificate


async def test_tokens_name_the_https_issuer() -> None:
    async with Emulator(tls=True) as emulator, aiohttp.ClientSession() as session:
        headers = {"Authorization": f"Bearer {emulator.project_id}:{emulator.management_key}"}
        context = trusting(emulator)
        create = f"{emulator.base_url}/v1/mgmt/accesskey/create"
        async with session.post(create, json={"name": "n"}, headers=headers, ssl=context) as made:
            cleartext = (await made.json())["cleartext"]
        headers = {"Authorization": f"Bearer {emulator.project_id}:{cleartext}"}
        exchange = f"{emulator.base_url}/v1/auth/accesskey/exchange"
        async with session.post(exchange, json={}, headers=headers, ssl=context) as response:
            assert response.status == 200


@pytest.mark.parametrize("operation", ["connect", "key_set"])
@pytest.mark.parametrize("effect", ["close", "garbage", "reset", "stall"])
async def test_faults_over_tls(effect: str, operation: str) -> None:
    fault = Fault(effect, operation, **({"seconds": 0} if effect == "stall" else {}))  # type: ignore[arg-type]
    async with Emulator(tls=True) as emulator:
        emulator.faults.add(fault)
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", int(emulator.base_url.rpartition(":")[2]), ssl=trusting(emulator)
        )
        try:
            writer.write(b"GET /v2/keys/P404 HTTP/1.1\r\nHost: localhost\r\n\r\n")
            async with asyncio.timeout(20):
                said = await reader.read()
        except ConnectionResetError:
            assert effect == "reset"
        else:
            assert effect != "reset"
            assert said == (b"this is not HTTP\r\n\r\n" if effect == "garbage" else b"")
        writer.close()


async def test_refused_connections_come_back_with_tls() -> None:
    async with Emulator(tls=True) as emulator, aiohttp.ClientSession() as session:
        url = f"{emulator.base_url}/v2/keys/P404"
        async with emulator.refusing_connections():
            with pytest.raises(aiohttp.ClientConnectorError):
                await session.get(url, ssl=trusting(emulator))
        async with session.get(url, ssl=trusting(emulator)) as response:
            assert response.status == 404
