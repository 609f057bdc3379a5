"""The algorithms (RFC 7518, 3.1) that signatures may be made with."""

from __future__ import annotations

from typing import Final

#: Algorithms of session tokens and of the project's signing keys. HMAC is missing on purpose: its
#: key is a shared secret, and a public key used as one would let anybody sign.
ALGORITHMS: Final = frozenset({"RS256", "RS384", "RS512", "ES256", "ES384"})
#: Algorithms of proofs. The holder of a token chooses the key of its proofs, so these are more.
PROOF_ALGORITHMS: Final = ALGORITHMS | {"ES512", "PS256", "PS384", "PS512", "EdDSA"}
