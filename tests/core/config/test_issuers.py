"""The issuers that a client accepts beside its project's own."""

from __future__ import annotations

import pytest

from descope_async import ConfigurationError, DescopeClient, IssuerMismatch
from descope_async.emulator.mint import TokenMint

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
