"""The exchange of an access key for a session token."""

from __future__ import annotations

from descope_async.emulator._json import Json
from descope_async.emulator._memory.signing_keys import Signers
from descope_async.emulator.token_shapes import DEFAULT

from .call import Visit
from .session_tokens import admit, key_claims, read_login_options


class Exchange:
    """Makes the session tokens of access keys.

    Args:
        signers: What signs the tokens.
        token_lifetime: Seconds that a session token lives, where neither its shape nor its project
            has another lifetime.
    """

    def __init__(self, signers: Signers, token_lifetime: int) -> None:
        self._signers = signers
        self._token_lifetime = token_lifetime

    async def exchange(self, visit: Visit) -> Json:
        """Exchange an access key for a session token."""
        options = read_login_options(visit.fields)
        signing = await self._signers.of(visit.project).ready()
        # Nothing else can happen from here to the claims.
        key = admit(visit.project, visit.secret, visit.peer, signing.now)
        shape = key.token_shape or visit.project.settings.token_shape or DEFAULT
        claims = key_claims(visit.project, key, options, shape)
        lifetime = shape.lifetime or visit.project.settings.token_lifetime or self._token_lifetime
        token, expires = signing.sign(claims, visit.issuer, lifetime, encrypted=shape.encrypted)
        return {"keyId": key.id, "sessionJwt": token, "expiration": expires}
