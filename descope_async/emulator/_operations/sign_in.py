"""The operations that make tokens, or that users call with theirs."""

from __future__ import annotations

import secrets
from typing import Final

from descope_async.emulator._error_answers import Problem, Refusal
from descope_async.emulator._json import Json
from descope_async.emulator._memory.project import Project
from descope_async.emulator._memory.records import User
from descope_async.emulator._memory.signing_keys import Signers
from descope_async.emulator.token_shapes import DEFAULT

from . import users
from .call import Call, Visit
from .one_time_codes import OneTimeCodes
from .refresh_tokens import Holder, RefreshTokens
from .session_tokens import admit, key_claims, read_login_options, user_claims

_REFRESH_LIFETIME: Final = 4 * 7 * 24 * 3600


class SignIn:
    """Makes the tokens of access keys and users.

    Args:
        signers: What signs the tokens.
        codes: The one-time codes that users can sign in with.
        refresh_tokens: The refresh tokens that users have.
        token_lifetime: Seconds that a session token lives, where neither its shape nor its project
            has another lifetime.
    """

    def __init__(
        self,
        signers: Signers,
        codes: OneTimeCodes,
        refresh_tokens: RefreshTokens,
        token_lifetime: int,
    ) -> None:
        self._signers = signers
        self._codes = codes
        self._refresh_tokens = refresh_tokens
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

    async def assert_client(self, call: Call) -> Json:
        """Make a JWT with which a client can authenticate elsewhere (RFC 7523 section 2.2)."""
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

    async def verify_code(self, visit: Visit) -> Json:
        """Sign in a test user by a one-time code."""
        user = self._codes.redeem(visit.project, visit.fields)
        return {**await self._session(visit, user, new=True), "firstSeen": True}

    async def refresh(self, visit: Visit) -> Json:
        """Give a user a new session token for the refresh token."""
        user, current = await self._user(visit)
        return await self._session(visit, user, current=current)

    async def select_tenant(self, visit: Visit) -> Json:
        """Give a user tokens with another current tenant."""
        user, _ = await self._user(visit)
        tenant_id = visit.fields.required("tenant")
        if tenant_id not in user.tenants:
            raise Refusal(Problem.TENANT_REFUSED, "The user does not belong to the tenant")
        return await self._session(visit, user, new=True, current=tenant_id)

    async def me(self, visit: Visit) -> Json:
        """Show a user who has a refresh token."""
        user, _ = await self._user(visit)
        return users.to_json(visit.project, user)

    async def my_tenants(self, visit: Visit) -> Json:
        """Show the tenants of a user who has a refresh token."""
        user, current = await self._user(visit)
        ids = visit.fields.names("ids") or list(user.tenants)
        if visit.fields.flag("dct"):
            ids = [current]
        known = (visit.project.tenants.get(each) for each in ids if each in user.tenants)
        tenants = [each for each in known if each]
        return {
            "tenants": [
                {"id": each.id, "name": each.name, "customAttributes": each.custom_attributes}
                for each in tenants
            ]
        }

    async def logout(self, visit: Visit) -> Json:
        """Void a refresh token."""
        await self._user(visit)
        self._refresh_tokens.forget(visit.secret)
        return {}

    async def logout_all(self, visit: Visit) -> Json:
        """Void all refresh tokens of a user."""
        user, _ = await self._user(visit)
        self._refresh_tokens.forget_all(visit.project.id, user.id)
        return {}

    async def _user(self, visit: Visit) -> tuple[User, str]:
        """The user who shows a refresh token, and the current tenant."""
        signing = await self._signers.of(visit.project).ready()
        return self._refresh_tokens.user(visit.project, visit.secret, signing.now)

    async def _session(
        self, visit: Visit, user: User, *, new: bool = False, current: str = ""
    ) -> Json:
        """The answer with a session token and, when that is `new`, a refresh token of its own."""
        signing = await self._signers.of(visit.project).ready()
        claims = user_claims(visit.project, user, "DS", current)
        token, expires = signing.sign(claims, visit.issuer, self._lifetime(visit.project))
        refresh = visit.secret
        if new:
            claims = user_claims(visit.project, user, "DSR", current)
            refresh, end = signing.sign(claims, visit.issuer, _REFRESH_LIFETIME)
            self._refresh_tokens.keep(refresh, Holder(visit.project.id, user.id, current, end))
        return {
            "sessionJwt": token,
            "refreshJwt": refresh,
            "sessionExpiration": expires,
            "user": users.to_json(visit.project, user),
            "firstSeen": False,
        }

    def _lifetime(self, project: Project) -> int:
        return project.settings.token_lifetime or self._token_lifetime
