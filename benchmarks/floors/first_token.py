"""The floor of a first client, to its first token: the libraries of the package, and one check.

The token and its key are in the file that the first argument names. The check is the signature's.
"""

import asyncio  # noqa: F401 - what takes the time
import base64
import json
import sys
from pathlib import Path

import attrs  # noqa: F401 - what takes the time
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers
from cryptography.hazmat.primitives.hashes import SHA256


def octets(text: str) -> bytes:
    """What base64url stands for."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


made = json.loads(Path(sys.argv[1]).read_text())
n, e = (int.from_bytes(octets(made["jwk"][name]), "big") for name in ("n", "e"))
signed, _, signature = made["tokens"][0].rpartition(".")
key = RSAPublicNumbers(e, n).public_key()
key.verify(octets(signature), signed.encode(), PKCS1v15(), SHA256())
json.loads(octets(signed.partition(".")[2]))
