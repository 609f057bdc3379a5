"""The sessions of users: signing in, and what users ask with their refresh tokens."""

from __future__ import annotations

from typing import Final

from descope_async.emulator._error_answers import Problem, Refusal
from descope_async.emulator._json import Json
from descope_async.emulator._memory.project import Project
from descope_async.emulator._memory.records import User
from descope_async.emulator._memory.signing_keys import Signers

from . import users
from .call import Visit
from .one_time_codes import OneTimeCodes
from .refresh_tokens import Holder, RefreshTokens
from .session_tokens import user_claims

_REFRESH_LIFETIME: Final = 4 * 7 * 24 * 3600


class UserSessions:
    """Makes the tokens of users, and answers what users ask with them.

    Args:
        signers: What signs the tokens.
        codes: The one-time codes that users can sign in with.
        refresh_tokens: The refresh tokens that users have.
        token_lifetime: Seconds that a session token lives, where its project has no other lifetime.
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
