"""State: all projects, who may manage them, and what the data file holds of earlier runs."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from attrs import evolve

from descope_async.emulator._error_answers import Problem, Refusal
from descope_async.emulator._networks import is_permitted
from descope_async.emulator.errors import EmulatorError

from .data_file import Change, DataFile
from .project import Project, ProjectSettings
from .records import (
    AccessKey,
    JwtTemplate,
    ManagementKey,
    Permission,
    Role,
    SigningKey,
    Tenant,
    User,
    digest,
    new_id,
    new_secret,
)
from .table import Table

_PROJECT_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")
_SECRET: Final = re.compile(r"[!-9;-~]{1,512}\Z")  # printable ASCII without space and colon
_SYSTEM_PERMISSIONS: Final = ("User Admin", "SSO Admin", "Impersonate")
_SYSTEM_ROLE: Final = "Tenant Admin"


class State:
    """All that an emulator knows."""

    def __init__(self, data_file: DataFile | None) -> None:
        self._data_file = data_file
        self._settings: Table[ProjectSettings] = Table("project", "", data_file)
        #: Every project by its id, the oldest first.
        self.projects: dict[str, Project] = {}
        #: The management keys.
        self.managers: Table[ManagementKey] = Table(
            "management_key", "", data_file, lambda key: [key.secret_digest]
        )
        #: The number to give to `settle` for changes that begin now.
        self.mark = 0
        #: Whether there is a data file, which `settle` waits for.
        self.is_kept = data_file is not None
        if data_file:
            data_file.undo = self._undo
        self._recall_all()

    def project(self, id: str) -> Project:
        """The project of this id."""
        project = self.projects.get(id)
        if project is None:
            raise Refusal(Problem.NO_PROJECT, "The project does not exist")
        return project

    def add_project(self, id: str, now: int) -> Project:
        """A new project, with the role and permissions that the service puts in each.

        Raises:
            EmulatorError: The id cannot be used, or is in use.
        """
        if usable_id(id) in self.projects:
            raise EmulatorError(f"the project {id} exists already")
        settings = self._settings.put(ProjectSettings(id))
        project = self.projects[id] = Project(settings, self._settings, self._data_file)
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

    def manager(self, project_id: str | None, secret: str, peer: str, now: int) -> ManagementKey:
        """The management key of this secret, if it may manage a project now and from an address.

        Args:
            project_id: The project; None for any.
            secret: The key's secret.
            peer: The IP address that the request came from.
            now: What time it is, in epoch seconds.

        Raises:
            Refusal: There is no such key, or it may not.
        """
        key = self.managers.find(digest(secret))
        if key is None or key.status != "active" or 0 < key.expire_time <= now:
            raise Refusal(Problem.UNAUTHORIZED, "The management key is not valid")
        if not is_permitted(peer, key.permitted_ips):
            raise Refusal(
                Problem.UNAUTHORIZED, "The management key is not permitted from this IP address"
            )
        if project_id is not None and key.project_ids and project_id not in key.project_ids:
            raise Refusal(Problem.UNAUTHORIZED, "The management key is for another project")
        return key

    def add_manager(self, secret: str, project_ids: Sequence[str]) -> None:
        """A new management key for these projects, or for all if none is named.

        Raises:
            EmulatorError: The secret cannot be used, or is in use.
        """
        self._refuse_known(secret)
        self.managers.put(
            ManagementKey(
                id=new_id("K"), secret_digest=digest(secret), project_ids=list(project_ids)
            )
        )

    def set_default_manager(self, secret: str | None) -> tuple[str, str]:
        """Give the management key for everything its secret for now.

        Args:
            secret: The secret; None for the one of earlier runs, or else a random one, which is
                kept.

        Returns:
            The key's id, and the secret.

        Raises:
            EmulatorError: The secret is in use by another management key.
        """
        default = next((key for key in self.managers if key.is_default), None)
        kept = ""
        if secret is None:
            secret = kept = (default and default.kept_secret) or new_secret()
        holder = self.managers.find(digest(secret))
        if holder and holder != default:
            raise EmulatorError("this management key is for some projects only; pass another")
        default = default or ManagementKey(id=new_id("K"), secret_digest="", is_default=True)
        default = evolve(default, secret_digest=digest(secret), kept_secret=kept)
        return self.managers.put(default).id, secret

    async def settle(self, mark: int) -> None:
        """Return when everything done so far is stored.

        Args:
            mark: What `mark` was before the first of the caller's changes.

        Raises:
            CannotStore: A change of the caller's may not be stored. The memory is again as the
                data file is.
        """
        if self._data_file:
            await self._data_file.settle(mark)

    def discard(self) -> None:
        """Store nothing of what was done since the last `settle`, and go no further."""
        if self._data_file:
            self._data_file.discard()

    async def aclose(self) -> None:
        """Store what is left, and let go of the data file."""
        if self._data_file:
            await self._data_file.aclose()

    def _refuse_known(self, secret: str) -> None:
        if self.managers.find(digest(usable_secret(secret))):
            raise EmulatorError("this management key exists already; pass another, or None")

    def _undo(self) -> None:
        self.mark += 1
        self._recall_all()

    def _recall_all(self) -> None:
        """Let the memory be what the data file holds."""
        if self._data_file is None:
            return
        changes = self._data_file.changes()
        kept = {change.id for change in changes if change.kind == "project"}
        self._settings.clear()
        self.managers.clear()
        for project in [*self.projects.values()]:
            if project.id in kept:
                project.clear()  # others hold on to the project itself
            else:
                del self.projects[project.id]
        for change in changes:
            self._recall(change)

    def _recall(self, change: Change) -> None:
        values: dict[str, Any] = json.loads(change.body or "{}")
        if change.kind == "project":
            settings = ProjectSettings(**values)
            self._settings.hold(settings)
            if change.id in self.projects:
                self.projects[change.id].settings = settings
            else:
                self.projects[change.id] = Project(settings, self._settings, self._data_file)
        elif change.kind == "management_key":
            self.managers.hold(ManagementKey(**values))
        else:
            _recall_in(self.projects[change.project_id], change.kind, values)


def restored(path: Path) -> State:
    """What the file at a path holds, which is nothing if there is none yet.

    Raises:
        EmulatorError: The file cannot be used.
    """
    data_file = DataFile(path)
    try:
        return State(data_file)
    except (sqlite3.Error, ValueError, TypeError, LookupError, RecursionError) as error:
        data_file.close()
        raise EmulatorError(f"the data file {path} is damaged; name another one") from error
    except BaseException:
        data_file.close()
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
    elif kind == "jwt_template":
        project.jwt_templates.hold(JwtTemplate(**values))
    elif kind == "signing_key":
        project.signing_keys.hold(SigningKey(**values))
