"""The issuers that a client accepts beside its project's own."""

from __future__ import annotations

import json
from typing import Any

import pytest

from descope_async import ConfigurationError, DescopeClient, IssuerMismatch, TokenError
from descope_async.emulator.mint import TokenMint
from descope_async.integrations.issuers import Issuers

HOST = "https://auth.company.com"
OPENID = "/.well-known/openid-configuration"
OAUTH = "/.well-known/oauth-authorization-server"


@pytest.mark.parametrize(
    ("given", "issuer"),
    [
        (f"{HOST}/v1/apps/agentic/P1/M1{OPENID}", f"{HOST}/v1/apps/agentic/P1/M1"),
        (f"{HOST}{OAUTH}/v1/apps/agentic/P1/M1", f"{HOST}/v1/apps/agentic/P1/M1"),
        (f"{HOST}/v1/apps/P1/T1{OPENID}/", f"{HOST}/v1/apps/P1/T1"),
        (f"{HOST}/v1/apps/P1{OPENID}", f"{HOST}/v1/apps/P1"),
        (f"{HOST}/P1{OPENID}", f"{HOST}/P1"),
        ("anything else", "anything else"),
        (f"{HOST}/of/my/own", f"{HOST}/of/my/own"),
    ],
)
async def test_tokens_of_an_issuer_that_is_named(given: str, issuer: str) -> None:
    mint = TokenMint("P1")
    token = mint.token(iss=issuer)
    client = DescopeClient("P1", public_key=mint.key_set)
    with pytest.raises(IssuerMismatch):
        await client.validate_session(token)
    client = DescopeClient("P1", public_key=mint.key_set, issuers=[given])
    assert (await client.validate_session(token)).claims["iss"] == issuer
    with pytest.raises(IssuerMismatch):
        await client.validate_session(mint.token(iss=f"{issuer}x"))


@pytest.mark.parametrize("path", ["/v1/apps/P1/T1", "/of/my/own", ""])
@pytest.mark.parametrize(
    "host",
    ["https://auth.company.com", "HTTPS://Auth.Company.COM", "https://auth.company.com:443",
     "https://auth.company.com:"],
)  # fmt: skip
@pytest.mark.parametrize("end", ["", "/", "//"])
async def test_a_url_counts_in_any_spelling(host: str, path: str, end: str) -> None:
    mint = TokenMint("P1")
    client = DescopeClient("P1", public_key=mint.key_set, issuers=[f"{host}{path}{end}"])
    for issuer in {f"{host}{path}{end}", f"{HOST}{path}", f"{HOST}{path}/"}:
        session = await client.validate_session(mint.token(iss=issuer))
        assert session.claims["iss"] == issuer
    for other in (
        f"{HOST}:8443{path}",
        f"http://auth.company.com{path}",
        f"{HOST}.evil.example{path}",
        f"{HOST}{path}/x",
        f"{HOST}/V1/apps/P1/T1",
    ):
        with pytest.raises(IssuerMismatch):
            await client.validate_session(mint.token(iss=other))


def test_well_known_urls_count_in_any_spelling() -> None:
    spellings = [
        f"{host}/v1/apps/agentic/P1/M1{OPENID}"
        for host in (HOST, "HTTPS://Auth.Company.com:443", "https://auth.company.com:0443")
    ]
    found = Issuers.of(spellings)
    assert (found.project_id, found.base_url) == ("P1", HOST)
    assert set(found.values) == {f"{HOST}/v1/apps/agentic/P1/M1"}
    with pytest.raises(ConfigurationError, match="one project"):
        Issuers.of([spellings[0], f"{HOST}:8443/v1/apps/agentic/P1/M1{OPENID}"])


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (f"{HOST}/v1/apps/agentic/P2/M1{OPENID}", "belongs to the project P2"),
        (f"{HOST}/v1/apps/agentic/P1{OPENID}", "no well-known URL"),
        (f"{HOST}{OPENID}", "no well-known URL"),
        (f"{HOST}/v1/apps/P1/.well-known/security.txt", "no well-known URL"),
        (f"https://user@host/P1{OPENID}", "no well-known URL"),
    ],
)
def test_what_cannot_be_an_issuer_of_the_project(given: str, why: str) -> None:
    with pytest.raises(ConfigurationError, match=why):
        DescopeClient("P1", issuers=[given])


def test_a_project_that_is_not_known_yet_may_have_any() -> None:
    issuers = [f"{HOST}/v1/apps/agentic/P2/M1{OPENID}"]
    DescopeClient(issuers=issuers)
    with pytest.raises(ConfigurationError, match="P2"):
        DescopeClient("P1", issuers=issuers)


async def test_issuers_are_read_once() -> None:
    mint = TokenMint("P1")
    token, named = mint.token(iss=f"{HOST}/P1"), [f"{HOST}/P1"]
    given: Any  # not only sequences, as from callers without a type checker
    for given in (iter(named), (each for each in named), dict.fromkeys(named).keys(), named):
        client = DescopeClient("P1", public_key=mint.key_set, issuers=given)
        assert client.base_url == client.base_url
        named_meanwhile = list(named)
        named.clear()
        assert (await client.validate_session(token)).claims["iss"] == f"{HOST}/P1"
        named.extend(named_meanwhile)


async def test_what_a_caller_changes_later_changes_no_client() -> None:
    mint, other = TokenMint("P1"), TokenMint("P1")
    issuers, public_key = [f"{HOST}/P1"], json.loads(mint.key_set)
    client = DescopeClient("P1", public_key=public_key, issuers=issuers)
    issuers[0] = "https://evil.example"
    public_key["keys"][:] = json.loads(other.key_set)["keys"]
    assert client.validate_session_nowait(mint.token(iss=f"{HOST}/P1"))
    with pytest.raises(IssuerMismatch):
        client.validate_session_nowait(mint.token(iss="https://evil.example"))
    with pytest.raises(TokenError):
        client.validate_session_nowait(other.token(iss=f"{HOST}/P1"))
