"""One-time codes for test users, so that a test can sign one in."""

from __future__ import annotations

import secrets
from typing import Final

import attrs

from descope_async.emulator._error_answers import Problem, Refusal
from descope_async.emulator._fields import Fields
from descope_async.emulator._json import Json
from descope_async.emulator._memory.project import Project
from descope_async.emulator._memory.records import User

from . import users
from .call import Call

#: The ways to send a code, which are part of the path that a code is verified at.
METHODS: Final = ("email", "sms", "voice", "whatsapp")


class OneTimeCodes:
    """The codes that were handed out and not used yet. They do not survive a restart."""

    def __init__(self) -> None:
        self._codes: dict[tuple[str, str], str] = {}

    def generate(self, call: Call) -> Json:
        """Make a code for a test user, in place of an earlier one."""
        user = users.named(call.project, call.fields)
        if not user.test:
            raise Refusal(Problem.INVALID, "The user is not a test user")
        code = f"{secrets.randbelow(10**6):06}"
        self._codes[call.project.id, user.id] = code
        return {"loginId": user.login_ids[0], "code": code}

    def redeem(self, project: Project, fields: Fields) -> User:
        """The user of a code, who is now enabled; a code works once."""
        user = users.named(project, fields)
        code = fields.required("code")
        if user.status == "disabled" or self._codes.get((project.id, user.id)) != code:
            raise Refusal(Problem.WRONG_CODE, "The code is not valid")
        del self._codes[project.id, user.id]
        return project.users.put(attrs.evolve(user, status="enabled"))
