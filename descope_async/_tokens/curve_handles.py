"""Public keys on the curves of ES256 to ES512, as python-jose keeps them, ready to check signatures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from cryptography.hazmat.backends import default_backend
from jose import jwk as jose_jwk

if TYPE_CHECKING:
    from .key_handles import Handle

# Else jose imports it with the first key, where a fork would not wait for the import.
default_backend()


def make_curve_handle(public: Mapping[str, str], alg: str) -> Handle:
    """The handle of a key.

    Args:
        public: The members of a JWK that its thumbprint is made of, checked.
        alg: The algorithm that it is for.

    Raises:
        Exception: There is no such key, such as a point that is not on the curve.
    """
    return jose_jwk.construct(dict(public), alg)
