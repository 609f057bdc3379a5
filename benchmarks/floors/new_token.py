"""The floors of a token that was not seen before.

`signatures` is the RSA arithmetic alone: nobody looks at the token. `readings` also decodes the
token and reads its JSON, and checks nothing of what it says.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from . import Loops

_PKCS1, _SHA256 = padding.PKCS1v15(), hashes.SHA256()


def signatures(jwk: Mapping[str, str], tokens: Sequence[str]) -> Loops:
    """The check of each signature, all of them being decoded beforehand."""
    key = _key(jwk)
    signed = _signed(tokens)

    def loops(count: int) -> float:
        start = time.perf_counter()
        for number in range(count):
            text, signature = signed[number % len(signed)]
            key.verify(signature, text, _PKCS1, _SHA256)
        return time.perf_counter() - start

    return loops


def signatures_from_threads(jwk: Mapping[str, str], tokens: Sequence[str], threads: int) -> Loops:
    """The check of each signature, each thread having a part of them.

    The library lets go of the interpreter for each, so threads hand it over from core to core.
    """
    key = _key(jwk)
    signed = _signed(tokens)

    def check(part: Sequence[tuple[bytes, bytes]]) -> None:
        for text, signature in part:
            key.verify(signature, text, _PKCS1, _SHA256)

    def loops(count: int) -> float:
        taken, left = 0.0, count
        while left > 0:
            batch = signed[:left]
            parts = [batch[start::threads] for start in range(threads)]
            with ThreadPoolExecutor(threads) as pool:
                start = time.perf_counter()
                for done in [pool.submit(check, part) for part in parts]:
                    done.result()
                taken += time.perf_counter() - start
            left -= len(batch)
        return taken

    return loops


def readings(jwk: Mapping[str, str], tokens: Sequence[str]) -> Loops:
    """The check of each signature, and what decodes and reads a token."""
    key = _key(jwk)

    def loops(count: int) -> float:
        start = time.perf_counter()
        for number in range(count):
            text, _, signature = tokens[number % len(tokens)].rpartition(".")
            header, claims = text.split(".")
            json.loads(_octets(header))
            key.verify(_octets(signature), text.encode(), _PKCS1, _SHA256)
            json.loads(_octets(claims))
        return time.perf_counter() - start

    return loops


def _signed(tokens: Sequence[str]) -> list[tuple[bytes, bytes]]:
    pairs = [token.rpartition(".")[::2] for token in tokens]
    return [(text.encode(), _octets(signature)) for text, signature in pairs]


def _key(jwk: Mapping[str, str]) -> rsa.RSAPublicKey:
    n, e = (int.from_bytes(_octets(jwk[name]), "big") for name in ("n", "e"))
    return rsa.RSAPublicNumbers(e, n).public_key()


def _octets(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
