"""Signing keys: they sign a project's tokens, rotate, and are published in the key set."""

from __future__ import annotations

import secrets
from typing import Any, Final, Literal

import anyio
import anyio.to_thread
from attrs import field, frozen
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jose import jwe, jwk, jwt
from jose.backends.base import Key

from descope_async.emulator._json import Json
from descope_async.emulator.clock import Clock

from .project import Project
from .records import SigningKey, new_id

Algorithm = Literal["RS256", "ES256", "ES384"]
ALGORITHMS: Final = ("RS256", "ES256", "ES384")

#: Rotations after which a key is published no longer.
_LAST: Final = 12


@frozen
class Signing:
    """A key that is ready to sign tokens at one moment.

    Attributes:
        key: The key.
        algorithm: What it signs with.
        kid: The key id that tokens name.
        now: What time it is, in epoch seconds.
        issued: When tokens say that they were issued: now, unless tokens are skewed.
    """

    key: Key = field(repr=False)
    algorithm: str
    kid: str
    now: int
    issued: int

    def sign(
        self, claims: Json, issuer: str, lifetime: int, *, encrypted: bool = False
    ) -> tuple[str, int]:
        """A JWT of these claims, and when it expires, in epoch seconds."""
        expires = self.issued + lifetime
        dated = claims | {"iss": issuer, "iat": self.issued, "exp": expires}
        token = jwt.encode(dated, self.key, algorithm=self.algorithm, headers={"kid": self.kid})
        return (_encrypted(token, self.kid) if encrypted else token), expires


class Signer:
    """Signs for one project. Its first key is made when it is first needed.

    When a rotation was due in the meantime, the next use rotates.

    Args:
        project: The project, which holds the keys.
        algorithm: What to sign with.
        clock: What rotation goes by.
        rotate_every: Seconds between rotations; 0 for none.
    """

    def __init__(
        self, project: Project, algorithm: Algorithm, clock: Clock, rotate_every: int
    ) -> None:
        self._project = project
        self._algorithm = algorithm
        self._clock = clock
        self._rotate_every = rotate_every
        self._ready: dict[str, Key] = {}
        self._turn = anyio.Lock()
        #: Whether each token names a key of its own that nobody has ever heard of.
        self.wrong_kid: bool = False

    async def ready(self) -> Signing:
        """What signs tokens now. The key for it is made if it is not there."""
        record, now, issued = await self._current()
        return Signing(
            key=self._ready.get(record.id) or self._key(record),
            algorithm=record.algorithm,
            kid=new_id("SK") if self.wrong_kid else record.id,
            now=now,
            issued=issued,
        )

    async def key_set(self) -> Json:
        """The public halves of all keys, as a JWKS."""
        await self._current()
        return {"keys": [self._public(record) for record in self._project.signing_keys]}

    async def rotate(self, *, revoke: bool) -> None:
        """Sign with a new key from now on; the old ones stay published unless they are revoked."""
        async with self._turn:
            await self._add(self._clock.stamp(), rotations=_LAST if revoke else 1)

    async def _current(self) -> tuple[SigningKey, int, int]:
        """The newest key of the algorithm, what time it is, and when tokens are issued.

        The key is made if there is none, or if a rotation is due.
        """
        async with self._turn:
            now, issued = self._clock.token_dates()
            for record in reversed(list(self._project.signing_keys)):
                if record.algorithm == self._algorithm:
                    break
            else:
                return await self._add(now, rotations=1), now, issued
            age = now - record.created_time
            due = age // self._rotate_every if self._rotate_every else 0
            if due < 1:
                return record, now, issued
            # Only the last of several missed rotations is made: the others' keys signed nothing.
            made = record.created_time + due * self._rotate_every
            return await self._add(made, rotations=due), now, issued

    async def _add(self, created_time: int, rotations: int) -> SigningKey:
        """A new key, so many rotations after the newest one; keys that are too old then go."""
        # An RSA key takes a tenth of a second.
        pem = await anyio.to_thread.run_sync(_new_private_key, self._algorithm)
        records = list(self._project.signing_keys)
        rotation = max((record.rotation for record in records), default=0) + rotations
        for record in records:
            if rotation - record.rotation >= _LAST:
                self._project.signing_keys.remove(record.id)
                self._ready.pop(record.id, None)
        return self._project.signing_keys.put(
            SigningKey(
                id=new_id("SK"),
                algorithm=self._algorithm,
                created_time=created_time,
                private_pem=pem,
                rotation=rotation,
            )
        )

    def _key(self, record: SigningKey) -> Key:
        if record.id not in self._ready:
            self._ready[record.id] = jwk.construct(record.private_pem, record.algorithm)
        return self._ready[record.id]

    def _public(self, record: SigningKey) -> Json:
        members: dict[str, Any] = self._key(record).public_key().to_dict()
        return {**members, "kid": record.id, "alg": record.algorithm, "use": "sig"}


class Signers:
    """The signers of all projects.

    Attributes:
        cache_control: The ``Cache-Control`` header of key sets; empty for none.
    """

    def __init__(self, algorithm: Algorithm, clock: Clock, rotate_every: int) -> None:
        self._algorithm: Algorithm = algorithm
        self._clock = clock
        self._rotate_every = rotate_every
        self._signers: dict[str, Signer] = {}
        self.cache_control: str = ""

    def of(self, project: Project) -> Signer:
        """What signs the project's tokens."""
        if project.id not in self._signers:
            self._signers[project.id] = Signer(
                project, self._algorithm, self._clock, self._rotate_every
            )
        return self._signers[project.id]

    @property
    def caching(self) -> dict[str, str]:
        """The headers that say how long a key set may be kept."""
        return {"Cache-Control": self.cache_control} if self.cache_control else {}

    def reset(self) -> None:
        """Name published keys again, and send no ``Cache-Control``."""
        self.cache_control = ""
        for signer in self._signers.values():
            signer.wrong_kid = False


def _encrypted(token: str, kid: str) -> str:
    """A signed token inside an encrypted one (RFC 7519 section 5.2), for nobody here."""
    nobody = secrets.token_bytes(32)
    sealed: bytes = jwe.encrypt(
        token, nobody, encryption="A256GCM", algorithm="A256KW", cty="JWT", kid=kid
    )
    return sealed.decode("ascii")


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
