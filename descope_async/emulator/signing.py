"""The keys that sign a project's tokens, and the set in which they are published."""

from __future__ import annotations

from typing import Any, Final, Literal

import anyio
import anyio.to_thread
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jose import jwk, jwt
from jose.backends.base import Key

from .answers import Json
from .clock import Clock
from .project import Project
from .records import SigningKey, new_id

Algorithm = Literal["RS256", "ES256", "ES384"]
ALGORITHMS: Final = ("RS256", "ES256", "ES384")


class Signer:
    """Signs for one project. Its first key is made when it is first needed."""

    def __init__(self, project: Project, algorithm: Algorithm, clock: Clock) -> None:
        self._project = project
        self._algorithm = algorithm
        self._clock = clock
        self._ready: dict[str, Key] = {}
        self._turn = anyio.Lock()

    async def prepare(self) -> None:
        """Make the key that `sign` needs, if it is not there."""
        await self._current()

    async def sign(self, claims: Json) -> str:
        """A JWT of these claims."""
        record = await self._current()
        return jwt.encode(
            claims, self._key(record), algorithm=record.algorithm, headers={"kid": record.id}
        )

    async def key_set(self) -> Json:
        """The public halves of all keys, as a JWKS."""
        await self._current()
        return {"keys": [self._public(record) for record in self._project.signing_keys]}

    async def _current(self) -> SigningKey:
        """The newest key of the algorithm, made if there is none."""
        async with self._turn:
            for record in reversed(list(self._project.signing_keys)):
                if record.algorithm == self._algorithm:
                    return record
            # An RSA key takes a tenth of a second.
            pem = await anyio.to_thread.run_sync(_new_private_key, self._algorithm)
            return self._project.signing_keys.put(
                SigningKey(
                    id=new_id("SK"),
                    algorithm=self._algorithm,
                    created_time=self._clock.now(),
                    private_pem=pem,
                )
            )

    def _key(self, record: SigningKey) -> Key:
        if record.id not in self._ready:
            self._ready[record.id] = jwk.construct(record.private_pem, record.algorithm)
        return self._ready[record.id]

    def _public(self, record: SigningKey) -> Json:
        members: dict[str, Any] = self._key(record).public_key().to_dict()
        return {**members, "kid": record.id, "alg": record.algorithm, "use": "sig"}


def _new_private_key(algorithm: str) -> str:
    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
    if algorithm == "RS256":
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    else:
        key = ec.generate_private_key(ec.SECP256R1() if algorithm == "ES256" else ec.SECP384R1())
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode("ascii")
