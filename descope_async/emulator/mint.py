"""Session tokens without a server, and the key set that they are checked with."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Literal

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jose import jwk, jwt

from ._memory.records import new_id
from .clock import Clock

__all__ = ["TokenMint"]


class TokenMint:
    """Signs session tokens of a project that exists nowhere else.

    A client that is to accept them is made with its `project_id` and `key_set`::

        client = DescopeClient(mint.project_id, public_key=mint.key_set)

    Args:
        project_id: The id of the project; None for a random one.
        clock: What tokens are dated by; None for this machine's time.
        algorithm: ``"ES256"``, whose key takes no time to make, or ``"RS256"``, as the service.
    """

    project_id: str

    def __init__(
        self,
        project_id: str | None = None,
        clock: Clock | None = None,
        algorithm: Literal["ES256", "RS256"] = "ES256",
    ) -> None:
        self.project_id = new_id("P") if project_id is None else project_id
        self._clock = Clock() if clock is None else clock
        self._kid = new_id("SK")
        self._algorithm: Literal["ES256", "RS256"] = algorithm
        self._pem = _new_key(algorithm)

    @property
    def key_set(self) -> str:
        """The public key, as the JSON of a JWK set: the ``public_key`` of a client."""
        public = jwk.construct(self._pem, self._algorithm).public_key().to_dict()
        named = {**public, "kid": self._kid, "alg": self._algorithm, "use": "sig"}
        return json.dumps({"keys": [named]})

    def token(
        self,
        *,
        permissions: Collection[str] = (),
        roles: Collection[str] = (),
        tenants: Mapping[str, Mapping[str, Sequence[str]]] | None = None,
        key_id: str | None = None,
        lifetime: float = 600,
        age: float = 0,
        **claims: Any,
    ) -> str:
        """A token, as the service would make it for an access key.

        Args:
            permissions: Permissions on the project.
            roles: Roles on the project.
            tenants: By tenant id, ``{"permissions": […], "roles": […]}``.
            key_id: The id of the access key; None for a random one.
            lifetime: Seconds from when it was made to its end.
            age: Seconds since it was made. A token that is older than its ``lifetime`` has expired.
            claims: More claims, or other values for the claims above.
        """
        found: dict[str, Any] = {"drn": "DS", "sub": key_id or new_id("K"), "iss": self.project_id}
        if permissions:
            found["permissions"] = list(permissions)
        if roles:
            found["roles"] = list(roles)
        if tenants is not None:
            found["tenants"] = {
                tenant: {name: list(names) for name, names in granted.items()}
                for tenant, granted in tenants.items()
            }
        made = self._clock.stamp() - age
        found |= {"iat": int(made), "exp": int(made + lifetime)}
        return jwt.encode(found | claims, self._pem, self._algorithm, headers={"kid": self._kid})

    def __call__(self, **options: Any) -> str:
        """A token; the parameters are those of `token`."""
        return self.token(**options)

    def expired(self, **options: Any) -> str:
        """A token that ended an hour ago; the parameters are those of `token`."""
        values: dict[str, Any] = {"lifetime": 600, "age": 4200, **options}
        return self.token(**values)

    def forged(self, **options: Any) -> str:
        """A token that names this project's signing key and was signed with another key."""
        forger = TokenMint(self.project_id, self._clock, self._algorithm)
        forger._kid = self._kid
        return forger.token(**options)


def _new_key(algorithm: str) -> str:
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
    if algorithm == "ES256":
        key = ec.generate_private_key(ec.SECP256R1())
    else:
        key = rsa.generate_private_key(65_537, 2048)
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()
