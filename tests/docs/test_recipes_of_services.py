"""The recipes of services and scripts meet the failures that their pages are for."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest

import descope_sync
from descope_async import DescopeClient, ProofKey
from descope_async.emulator import TokenShape
from descope_sync.emulator import Emulator, Fault
from tests.docs.pages import ROOT, run

GUIDES = sorted((ROOT / "docs/how-to").glob("*.md"))


@pytest.mark.parametrize("guide", GUIDES, ids=lambda each: str(each.stem))
def test_a_guide_says_first_what_it_is_for(guide: Path) -> None:
    text = re.sub(r"^```\{index\}.*?^```\n", "", guide.read_text(), flags=re.DOTALL | re.MULTILINE)
    title, first = text.split("\n\n")[:2]
    assert title.startswith("# ")
    assert first.strip().startswith("For ")


def test_a_view_tells_a_refused_key_from_a_rate_limit(emulator: Emulator) -> None:
    page = run("docs/how-to/blocking-code.md")
    with descope_sync.DescopeClient() as client:
        page["descope"] = client
        secret = client.mgmt.access_key.create("caller").cleartext
        assert page["exchange"](secret)[0] == 200
        assert page["exchange"]("K" * 60) == (401, "this access key is not accepted")
        emulator.faults.add(Fault("rate_limit", "exchange", retry_after=3600))
        assert page["exchange"](secret) == (503, "try again in 3600 s")


def test_a_stolen_token_and_a_used_proof_are_refused(emulator: Emulator) -> None:
    page = run("docs/how-to/bound-tokens.md")
    url = f"{page['ORIGIN']}/reports"
    key = ProofKey.generate()
    emulator.set_token_shape(TokenShape(thumbprint=key.thumbprint))
    client = DescopeClient()
    unaware = DescopeClient(retries={"attempts": 1})

    async def token() -> str:
        created = await client.mgmt.access_key.create("machine")
        return await client.token_source(created.cleartext).token()

    def status(headers: dict[str, str], by: DescopeClient = client) -> int:
        return int(asyncio.run(page["answer"](by, "GET", "/reports", headers))[0])

    bound = asyncio.run(token())
    assert status({"Authorization": f"DPoP {bound}"}) == 401
    assert status(ProofKey.generate().headers(bound, "GET", url)) == 401
    headers = key.headers(bound, "GET", url)
    assert status(headers) == 200
    assert status(headers) == 401
    with emulator.refusing_connections():
        assert status(key.headers(bound, "GET", url), unaware) == 503
    asyncio.run(client.aclose())
    asyncio.run(unaware.aclose())


def test_a_verifier_outlives_an_outage_and_ends_a_revoked_key(emulator: Emulator) -> None:
    page = run("docs/how-to/raw-access-keys.md")
    client = DescopeClient(retries={"attempts": 1})
    verifier = client.access_key_verifier(fresh_for=0.05, usable_for=60)
    made = asyncio.run(client.mgmt.access_key.create("caller"))

    async def answer(secret: str, wait: float = 0) -> tuple[int, dict[str, str]]:
        found: tuple[int, dict[str, str]] = await page["authorize"](verifier, {"X-Api-Key": secret})
        await asyncio.sleep(wait)  # for what is asked in the background
        return found

    assert asyncio.run(answer(made.cleartext, 0.1)) == (403, {})
    with emulator.refusing_connections():
        assert asyncio.run(answer(made.cleartext))[0] == 403  # as the last answer said
        status, headers = asyncio.run(answer("K" * 60))
        assert status == 503
        assert int(headers["Retry-After"]) >= 1
    asyncio.run(client.mgmt.access_key.deactivate(made.key.id))
    statuses = (asyncio.run(answer(made.cleartext, 0.1))[0] for _ in range(200))
    assert 401 in statuses
    asyncio.run(client.aclose())


def test_a_function_tells_its_own_failures_from_its_callers(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = run("docs/how-to/serverless.md")
    with descope_sync.DescopeClient(retries={"attempts": 1}) as client:
        keys = client.mgmt.access_key
        token = client.exchange_access_key(keys.create("caller").cleartext).jwt
        own = keys.create("function")

        def answer(variable: str, secret: str) -> int:
            monkeypatch.setenv(variable, secret)
            source = client.token_source(descope_sync.EnvironmentVariable(variable))
            page.update(descope=client, source=source)
            event = {"headers": {"authorization": f"Bearer {token}"}}
            return int(page["handler"](event, None)["statusCode"])

        assert answer("OWN", own.cleartext) == 200
        assert answer("WRONG", "K" * 60) == 500
        with emulator.refusing_connections():
            assert answer("UNREACHABLE", keys_of_another(own.cleartext)) == 503


def keys_of_another(secret: str) -> str:
    """A key that no source has exchanged before."""
    return secret[:-1] + ("A" if secret[-1] != "A" else "B")


def test_a_hook_counts_what_goes_wrong(emulator: Emulator) -> None:
    page = run("docs/how-to/observability.md")

    async def watched() -> None:
        async with DescopeClient(hooks=[page["watch"]]) as client:
            emulator.faults.add(Fault("status", "access_key.search", status=503, times=1))
            await client.mgmt.access_key.search_all_access_keys()

    asyncio.run(watched())
    assert page["counts"]["access_key.search done"] == 1
    assert page["counts"]["retry: failed"] == 1


def test_a_mounted_key_is_read_anew_after_a_rotation(emulator: Emulator, tmp_path: Path) -> None:
    page = run("docs/how-to/containers.md")
    mounted = tmp_path / page["mounted"]

    async def rotated() -> None:
        async with DescopeClient() as client:
            source = client.token_source(mounted)
            old = await source.token()
            fresh = await client.mgmt.access_key.rotate(page["created"].key.id)
            page["write_secret"](mounted, fresh.cleartext)
            source.invalidate(old)
            await source.token()

    emulator.requests.clear()
    asyncio.run(rotated())
    assert (
        emulator.requests.count("exchange") == emulator.requests.count("exchange", status=200) == 2
    )
