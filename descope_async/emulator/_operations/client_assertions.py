"""The operation that makes client assertions (RFC 7523 section 2.2)."""

from __future__ import annotations

import secrets

from descope_async.emulator._error_answers import Problem, Refusal
from descope_async.emulator._json import Json
from descope_async.emulator._memory.signing_keys import Signers

from .call import Call


class ClientAssertions:
    """Makes client assertions.

    Args:
        signers: What signs them.
    """

    def __init__(self, signers: Signers) -> None:
        self._signers = signers

    async def make(self, call: Call) -> Json:
        """Make a JWT with which a client can authenticate elsewhere."""
        fields = call.fields
        audience = fields.names("audience")
        claims: Json = {
            "iss": fields.required("issuer"),
            "sub": fields.required("subject"),
            "jti": secrets.token_hex(16),
        }
        if not audience:
            raise Refusal(Problem.MISSING, "The audience field is required")
        one = fields.flag("flattenAudience") and len(audience) == 1
        claims["aud"] = audience[0] if one else audience
        lifetime = fields.size("expiresIn")
        if not lifetime:
            raise Refusal(Problem.MISSING, "The expiresIn field is required")
        signing = await self._signers.of(call.project).ready()
        wanted = fields.text("algorithm", signing.algorithm)
        if wanted != signing.algorithm:
            message = "The local Descope signs with {}, and not with {}"
            raise Refusal(Problem.NOT_EMULATED, message, signing.algorithm, wanted)
        token, _ = signing.sign(claims, claims["iss"], lifetime)
        return {"jwt": token}
