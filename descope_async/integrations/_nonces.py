"""Nonces that a service demands in proofs (RFC 9449, 9), so that none can be made in advance."""

from __future__ import annotations

import base64
import hashlib
import hmac
import math
from typing import Final

from attrs import evolve

from descope_async import ConfigurationError
from descope_async._values.secret import Secret

from ._refusal import Refusal

__all__ = ["NO_NONCES", "ProofNonces", "nonces_of"]

#: Seconds after which there is another nonce. The one before it is accepted as long again.
_LASTS: Final = 300
_SHORTEST_SECRET: Final = 32


class ProofNonces:
    """The nonces of a service, which all processes with the same secret know without asking.

    Each is the keyed hash of a span of time, and good for 5 to 10 minutes.

    Args:
        secret: What nobody else knows: 32 characters or more. None to demand no nonces.

    Raises:
        ConfigurationError: The secret is too short, or no string.
    """

    def __init__(self, secret: Secret[str | None]) -> None:
        self._key = None if secret.reveal() is None else _key(secret)

    def __repr__(self) -> str:
        return "<ProofNonces>"

    def accepted(self, now: float) -> tuple[str, ...]:
        """The nonces to accept at this time: those of this span, of the one before and the next.

        The next is for clocks of other processes that are ahead. The first is the one to hand out.

        Args:
            now: Epoch seconds.
        """
        if self._key is None:
            return ()
        span = math.floor(now / _LASTS)
        return tuple([_nonce(self._key, each) for each in (span, span - 1, span + 1)])

    def handed_out(self, refusal: Refusal, now: float) -> Refusal:
        """The refusal, with the nonce that it asks for, if it asks for one.

        Args:
            refusal: What a caller will be answered.
            now: Epoch seconds.
        """
        if refusal.error != "use_dpop_nonce":
            return refusal
        return evolve(refusal, nonce=self.accepted(now)[0])


def nonces_of(secret: Secret[str | None], dpop: object) -> ProofNonces:
    """The nonces to demand, if there is a secret for them.

    Raises:
        ConfigurationError: The secret is too short, or no proofs are looked at.
    """
    if dpop is None and secret.reveal() is not None:
        raise ConfigurationError("dpop_nonce_secret is about proofs: set dpop, or leave it out")
    return ProofNonces(secret)


def _nonce(key: Secret[bytes], span: int) -> str:
    digest = hmac.digest(key.reveal(), b"dpop-nonce %d" % span, hashlib.sha256)
    return base64.urlsafe_b64encode(digest[:24]).decode("ascii")


def _key(secret: Secret[str | None]) -> Secret[bytes]:
    encoded = _encoded(secret.reveal())
    if encoded is None:
        raise ConfigurationError(
            f"dpop_nonce_secret must be a string of {_SHORTEST_SECRET} characters or more: "
            'python -c "import secrets; print(secrets.token_urlsafe(32))" prints one'
        )
    return encoded


def _encoded(value: object) -> Secret[bytes] | None:
    if not isinstance(value, str) or len(value) < _SHORTEST_SECRET:
        return None
    return Secret(value.encode("utf-8", "surrogatepass"))


#: To demand none.
NO_NONCES: Final = ProofNonces(Secret(None))
