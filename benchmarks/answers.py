"""What the server answers: the same bytes to every contender, with a really signed token."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Mapping
from typing import Any, Final

from attrs import field, frozen
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

PROJECT: Final = "P2benchmarkbenchmarkbenchma"
MANAGEMENT_KEY: Final = "K2management"
ACCESS_KEY: Final = "K2access"
KEY_ID: Final = "K2benchmark00000000000000000"
KID: Final = "SK2benchmark"
EXCHANGE: Final = "/v1/auth/accesskey/exchange"
LOAD: Final = "/v1/mgmt/accesskey"
SEARCH: Final = "/v1/mgmt/accesskey/search"
LICENSE: Final = "/v1/mgmt/license"
_LIFE: Final = 7 * 86_400


@frozen
class Signer:
    """The project's signing key."""

    private: rsa.RSAPrivateKey = field(
        factory=lambda: rsa.generate_private_key(65_537, 2_048), repr=False
    )

    def jwk(self) -> dict[str, str]:
        """The public half (RFC 7517)."""
        numbers = self.private.public_key().public_numbers()
        return {
            "kty": "RSA",
            "alg": "RS256",
            "use": "sig",
            "kid": KID,
            "n": _base64url(numbers.n.to_bytes(256, "big")),
            "e": _base64url(numbers.e.to_bytes(3, "big")),
        }

    def token(self, number: int) -> str:
        """A session token as an access key with tenants gets it, about 1,100 characters long."""
        now = int(time.time())  # noqa: TID251 - a process of its own
        header = {"alg": "RS256", "kid": KID, "typ": "JWT"}
        claims = {
            "amr": ["access_key"],
            "drn": "DS",
            "dct": "T1",
            "exp": now + _LIFE,
            "iat": now,
            "iss": f"https://api.descope.com/v1/apps/{PROJECT}",
            "sub": f"K2{number:026d}",
            "nsec": {"job": number},
            "permissions": ["reports:read", "reports:write"],
            "roles": ["Backend"],
            "team": "build",
            "tenants": {
                f"T{tenant}": {
                    "permissions": ["reports:read", "reports:write", "users:read"],
                    "roles": ["Admin", "Reader"],
                }
                for tenant in range(3)
            },
        }
        signed = f"{_segment(header)}.{_segment(claims)}"
        signature = self.private.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        return f"{signed}.{_base64url(signature)}"


def answers(signer: Signer, keys: int) -> dict[str, bytes]:
    """The answers by path. A search finds so many keys."""
    documents: Mapping[str, Any] = {
        LOAD: {"key": access_key(0)},
        SEARCH: {"keys": [access_key(number) for number in range(keys)]},
        LICENSE: {"rateLimitTier": "tier1"},
        f"/v2/keys/{PROJECT}": {"keys": [signer.jwk()]},
        EXCHANGE: {"keyId": KEY_ID, "sessionJwt": signer.token(0), "expiration": _LIFE},
    }
    return {path: encoded(document) for path, document in documents.items()}


def access_key(number: int) -> dict[str, Any]:
    """An access key with one tenant, as the service sends it, of some 486 bytes."""
    return {
        "id": f"K2{number:026d}",
        "name": f"service-{number}",
        "description": f"the key of service {number}",
        "status": "active",
        "roleNames": ["Backend", "Reader"],
        "keyTenants": [
            {
                "tenantId": f"T{number % 50}",
                "roleNames": ["Admin"],
                "tenantName": f"Tenant {number % 50}",
            }
        ],
        "boundUserId": "",
        "clientId": f"UDJ{number:040d}",
        "customClaims": {"team": "build", "number": number},
        "customAttributes": {},
        "permittedIps": ["10.0.0.0/8"],
        "createdBy": "U2administrator",
        "createdTime": 1_763_000_000 + number,
        "expireTime": 0,
        "editable": True,
    }


def encoded(document: object) -> bytes:
    """A document as the service writes it."""
    return json.dumps(document, separators=(",", ":")).encode()


def _segment(document: object) -> str:
    return _base64url(encoded(document))


def _base64url(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()
