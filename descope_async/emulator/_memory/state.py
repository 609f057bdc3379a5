"""All projects, who may manage them, and what the store remembers of earlier runs."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from attrs import evolve, frozen

from descope_async.emulator.answers import Problem, Refusal
from descope_async.emulator.errors import EmulatorError

from .project import Project, Table
from .records import (
    AccessKey,
    ManagementKey,
    Permission,
    Role,
    SigningKey,
    Tenant,
    User,
    digest,
    new_id,
)
from .store import Change, Store

_PROJECT_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")
_SECRET: Final = re.compile(r"[!-9;-~]{1,512}\Z")  # printable ASCII without space and colon
_SYSTEM_PERMISSIONS: Final = ("User Admin", "SSO Admin", "Impersonate")
_SYSTEM_ROLE: Final = "Tenant Admin"


@frozen
class ProjectRecord:
    """That a project exists, and its settings.

    Attributes:
        token_lifetime: Seconds that its session tokens live; None for the emulator's default.
    """

    id: str
    token_lifetime: int | None = None


class State:
    """Everything that an emulator knows."""

    def __init__(self, store: Store | None) -> None:
        self._store = store
        self._existing: Table[ProjectRecord] = Table("project", "", store)
        self._projects: dict[str, Project] = {}
        self._managers: Table[ManagementKey] = Table(
            "management_key", "", store, lambda key: [key.secret_digest]
        )
        for change in store.changes() if store else ():
            self._recall(change)

    @property
    def project_ids(self) -> list[str]:
        """Every project, the oldest first."""
        return list(self._projects)

    def project(self, id: str) -> Project:
        """The project of this id."""
        project = self._projects.get(id)
        if project is None:
            raise Refusal(Problem.NO_PROJECT, "The project does not exist")
        return project

    def add_project(self, id: str, now: int) -> Project:
        """A new project, with the role and permissions that the service puts in each.

        Raises:
            EmulatorError: The id cannot be used, or is in use.
        """
        if usable_id(id) in self._projects:
            raise EmulatorError(f"the project {id} exists already")
        self._existing.put(ProjectRecord(id))
        project = self._projects[id] = Project(id, self._store)
        for name in _SYSTEM_PERMISSIONS:
            project.permissions.put(Permission(id=new_id("PER"), name=name, system_default=True))
        project.roles.put(
            Role(
                id=new_id("ROL"),
                name=_SYSTEM_ROLE,
                created_time=now,
                permission_names=list(_SYSTEM_PERMISSIONS),
            )
        )
        return project

    def add_managed_project(self, id: str, secret: str, now: int) -> Project:
        """A new project and a management key for it: both or, if one cannot be, neither.

        Raises:
            EmulatorError: The id or the secret cannot be used, or is in use.
        """
        self._refuse_known(secret)
        project = self.add_project(id, now)
        self.add_manager(secret, [id])
        return project

    def token_lifetime(self, project_id: str) -> int | None:
        """Seconds that a project's session tokens live; None for the emulator's default."""
        record = self._existing.get(project_id)
        return record.token_lifetime if record else None

    def set_token_lifetime(self, project_id: str, seconds: int | None) -> None:
        """Let a project's session tokens live so long; None for the emulator's default."""
        self._existing.put(ProjectRecord(project_id, seconds))

    def manager(self, project_id: str | None, secret: str) -> ManagementKey:
        """The management key of this secret, if it may manage the project (None for any)."""
        key = self._managers.find(digest(secret))
        if key is None:
            raise Refusal(Problem.UNAUTHORIZED, "The management key is not valid")
        if project_id is not None and key.project_ids and project_id not in key.project_ids:
            raise Refusal(Problem.UNAUTHORIZED, "The management key is for another project")
        return key

    def add_manager(self, secret: str, project_ids: Sequence[str]) -> None:
        """A new management key for these projects, or for all if none is named.

        Raises:
            EmulatorError: The secret cannot be used, or is in use.
        """
        self._refuse_known(secret)
        self._managers.put(
            ManagementKey(
                id=new_id("K"), secret_digest=digest(secret), project_ids=list(project_ids)
            )
        )

    def set_default_manager(self, secret: str) -> ManagementKey:
        """The management key for everything, with this secret from now on.

        Raises:
            EmulatorError: The secret is in use by another management key.
        """
        default = next((key for key in self._managers if key.is_default), None)
        holder = self._managers.find(digest(secret))
        if holder and holder != default:
            raise EmulatorError("this management key is for some projects only; pass another")
        default = default or ManagementKey(id=new_id("K"), secret_digest="", is_default=True)
        return self._managers.put(evolve(default, secret_digest=digest(secret)))

    async def settle(self) -> None:
        """Return when everything done so far is stored."""
        if self._store:
            await self._store.settle()

    def discard(self) -> None:
        """Store nothing of what was done since the last `settle`, and go no further."""
        if self._store:
            self._store.discard()

    async def aclose(self) -> None:
        """Store what is left, and let go of the store."""
        if self._store:
            await self._store.aclose()

    def _refuse_known(self, secret: str) -> None:
        if self._managers.find(digest(usable_secret(secret))):
            raise EmulatorError("this management key exists already; pass another, or None")

    def _recall(self, change: Change) -> None:
        values: dict[str, Any] = json.loads(change.body or "{}")
        if change.kind == "project":
            self._existing.hold(ProjectRecord(**values))
            self._projects[change.id] = Project(change.id, self._store)
        elif change.kind == "management_key":
            self._managers.hold(ManagementKey(**values))
        else:
            _recall_in(self._projects[change.project_id], change.kind, values)


def restored(path: Path) -> State:
    """What the file at a path holds, which is nothing if there is none yet.

    Raises:
        EmulatorError: The file cannot be used.
    """
    store = Store(path)
    try:
        return State(store)
    except (sqlite3.Error, ValueError, TypeError, LookupError, RecursionError) as error:
        store.close()
        raise EmulatorError(f"the data file {path} is damaged; name another one") from error
    except BaseException:
        store.close()
        raise


def usable_id(project_id: object) -> str:
    """The project id, if it can be part of a URL and of a header.

    Raises:
        EmulatorError: It cannot.
    """
    if not isinstance(project_id, str) or not _PROJECT_ID.match(project_id):
        raise EmulatorError(
            "project_id must be 1 to 64 letters, digits, dashes and underscores, such as P2abc"
        )
    return project_id


def usable_secret(management_key: object) -> str:
    """The management key, if it can be part of a header.

    Raises:
        EmulatorError: It cannot.
    """
    if not isinstance(management_key, str) or not _SECRET.match(management_key):
        raise EmulatorError("management_key must be printable ASCII without spaces and colons")
    return management_key


def _recall_in(project: Project, kind: str, values: dict[str, Any]) -> None:
    if kind == "access_key":
        project.access_keys.hold(AccessKey(**values))
    elif kind == "tenant":
        project.tenants.hold(Tenant(**values))
    elif kind == "permission":
        project.permissions.hold(Permission(**values))
    elif kind == "role":
        project.roles.hold(Role(**values))
    elif kind == "user":
        project.users.hold(User(**values))
    elif kind == "signing_key":
        project.signing_keys.hold(SigningKey(**values))
