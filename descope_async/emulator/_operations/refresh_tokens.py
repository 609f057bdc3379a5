"""The refresh tokens of users that were not logged out. They do not survive a restart."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from attrs import frozen

from descope_async.emulator._error_answers import Problem, Refusal
from descope_async.emulator._json import Json
from descope_async.emulator._memory.project import Project
from descope_async.emulator._memory.records import User, digest

from . import users
from .call import Call

_MOST: Final = 10_000


@frozen
class Holder:
    """Whose a refresh token is.

    Attributes:
        project_id: The project of the user.
        user_id: The user.
        current_tenant: The tenant that the user selected; empty for none.
        expires: When the token ends, in epoch seconds.
    """

    project_id: str
    user_id: str
    current_tenant: str
    expires: int


class RefreshTokens:
    """The last 10,000 refresh tokens that were issued and not logged out, as digests."""

    def __init__(self) -> None:
        self._holders: OrderedDict[str, Holder] = OrderedDict()

    def keep(self, token: str, holder: Holder) -> None:
        """Remember whose a token is."""
        self._holders[digest(token)] = holder
        if len(self._holders) > _MOST:
            self._holders.popitem(last=False)

    def user(self, project: Project, token: str, now: int) -> tuple[User, str]:
        """The user of a token and the current tenant, if token and user may still be used."""
        holder = self._holders.get(digest(token))
        user = None
        if holder and holder.project_id == project.id and now < holder.expires:
            user = project.users.get(holder.user_id)
        if holder is None or user is None or user.status == "disabled":
            raise Refusal(Problem.SESSION_REFUSED, "The refresh token is not valid")
        return user, holder.current_tenant

    def forget(self, token: str) -> None:
        """Void one token."""
        self._holders.pop(digest(token), None)

    def forget_all(self, project_id: str, user_id: str) -> None:
        """Void all tokens of a user."""
        for key, holder in list(self._holders.items()):
            if (holder.project_id, holder.user_id) == (project_id, user_id):
                del self._holders[key]

    def logout(self, call: Call) -> Json:
        """Void all tokens of the user that a management call names."""
        user = users.named(call.project, call.fields)
        self.forget_all(call.project.id, user.id)
        return {}
