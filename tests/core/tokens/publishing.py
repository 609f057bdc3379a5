"""A service that publishes signing keys, and slows down and fails as told."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from jose import jwk

from descope_async._runtime.clock import Clock
from descope_async._tokens.key_set import FetchedKeys
from descope_async._tokens.signing_keys import SigningKeys


def _public(kid: str) -> dict[str, Any]:
    pem = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return {**jwk.construct(pem.decode(), "ES256").public_key().to_dict(), "kid": kid}


JWKS = {kid: _public(kid) for kid in ("k1", "k2", "k3")}
WEAK = {"kty": "RSA", "alg": "RS256", "kid": "weak", "n": "AQAB", "e": "AQAB"}


def document(*kids: str) -> bytes:
    return json.dumps({"keys": [JWKS[kid] for kid in kids]}).encode()


class ManualClock(Clock):
    def __init__(self) -> None:
        self.elapsed = 1_000_000.0

    def running(self) -> float:
        return self.elapsed


class Service:
    """A key set that can rotate, slow down and fail, and counts how often it was fetched."""

    def __init__(self, *kids: str) -> None:
        self.clock = ManualClock()
        self.answer = FetchedKeys(document(*kids))
        self.failure: Exception | None = None
        self.seconds = 0.0
        self.held_up: asyncio.Event | None = None
        self.fetches = 0
        self.cache = SigningKeys(self.fetch, self.clock)

    async def fetch(self) -> FetchedKeys:
        self.fetches += 1
        answer = self.answer
        await asyncio.sleep(self.seconds)
        if self.held_up is not None:
            await self.held_up.wait()
        if self.failure is not None:
            raise self.failure
        return answer

    def rotate(self, *kids: str) -> None:
        self.answer = FetchedKeys(document(*kids))

    async def settle(self) -> None:
        """Let a fetch in the background end."""
        await asyncio.sleep(self.seconds + 0.01)
