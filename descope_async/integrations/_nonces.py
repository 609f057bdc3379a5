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

__all__ = ["ProofNonces", "nonces_of"]

#: Seconds after which there is another nonce. The one before it is accepted as long again.
_LASTS: Final = 300
_SHORTEST_SECRET: Final = 32


class ProofNonces:
    """The nonces of a service, which all processes with the same secret know without asking.

    Each is the keyed hash of a span of time, and good for 5 to 10 minutes.

    Args:
        secret: What nobody else knows: 32 characters or more.

    Raises:
        ConfigurationError: The secret is too short, or no string.
    """

    def __init__(self, secret: Secret[str | None]) -> None:
        key = _key(secret)
        if key is None:
            raise ConfigurationError(
                f"dpop_nonce_secret must be a string of {_SHORTEST_SECRET} characters or more: "
                "python -c 'import secrets; print(secrets.token_urlsafe(32))' prints one"
            )
        self._key = key

    def __repr__(self) -> str:
        return "<ProofNonces>"

    def current(self, now: float) -> str:
        """The nonce to hand out at this time, in epoch seconds."""
        return self._nonce(math.floor(now / _LASTS))

    def good(self, now: float) -> tuple[str, str, str]:
        """The nonces to accept at this time: those of this span, of the one before and the next.

        The next is for clocks of other processes that are ahead.
        """
        span = math.floor(now / _LASTS)
        return self._nonce(span), self._nonce(span - 1), self._nonce(span + 1)

    def told(self, refusal: Refusal, now: float) -> Refusal:
        """The refusal, with the nonce that it asks for, if it asks for one.

        Args:
            refusal: What a caller will be answered.
            now: Epoch seconds.
        """
        is_about_nonces = refusal.error == "use_dpop_nonce"
        return evolve(refusal, nonce=self.current(now)) if is_about_nonces else refusal

    def _nonce(self, span: int) -> str:
        digest = hmac.digest(self._key.reveal(), b"dpop-nonce %d" % span, hashlib.sha256)
        return base64.urlsafe_b64encode(digest[:24]).decode("ascii")


def nonces_of(secret: Secret[str | None], dpop: object) -> ProofNonces | None:
    """The nonces to demand; None where there is no secret for them.

    Raises:
        ConfigurationError: The secret is too short, or no proofs are looked at.
    """
    if secret.reveal() is None:
        return None
    if dpop is None:
        raise ConfigurationError("dpop_nonce_secret is about proofs: set dpop, or leave it out")
    return ProofNonces(secret)


def _key(secret: Secret[str | None]) -> Secret[bytes] | None:
    value: object = secret.reveal()
    if not isinstance(value, str) or len(value) < _SHORTEST_SECRET:
        return None
    return Secret(value.encode("utf-8", "surrogatepass"))
