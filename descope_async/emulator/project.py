"""The emulator's memory: projects, the records of each, and who may manage them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any, Final, Generic, Protocol, TypeVar

import attrs
from attrs import frozen

from .answers import Problem, Refusal
from .fields import Fields
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

_SYSTEM_PERMISSIONS: Final = ("User Admin", "SSO Admin", "Impersonate")
_SYSTEM_ROLE: Final = "Tenant Admin"


class Record(attrs.AttrsInstance, Protocol):
    """Anything that a table holds: an attrs class with an id."""

    @property
    def id(self) -> str:
        """What it is found by."""
        ...


R = TypeVar("R", bound=Record)


class Table(Generic[R]):
    """The records of one kind, by id and by alias, in the order in which they came.

    Every change is handed to the store, if there is one.
    """

    def __init__(
        self,
        kind: str,
        project_id: str,
        store: Store | None,
        aliases: Callable[[R], list[str]] = lambda _: [],
    ) -> None:
        self._kind = kind
        self._project_id = project_id
        self._store = store
        self._aliases_of = aliases
        self._records: dict[str, R] = {}
        self._ids: dict[str, str] = {}

    def __iter__(self) -> Iterator[R]:
        return iter(list(self._records.values()))

    def __len__(self) -> int:
        return len(self._records)

    def get(self, id: str) -> R | None:
        """The record of this id."""
        return self._records.get(id)

    def find(self, alias: str) -> R | None:
        """The record of this alias."""
        found = self._ids.get(alias)
        return None if found is None else self._records[found]

    def hold(self, record: R) -> None:
        """Remember a record, in place of an earlier one of its id."""
        self._forget_aliases(record.id)
        self._records[record.id] = record
        self._ids.update(dict.fromkeys(self._aliases_of(record), record.id))

    def put(self, record: R) -> R:
        """Remember a record for good."""
        self.hold(record)
        if self._store:
            body = json.dumps(attrs.asdict(record))
            self._store.note(Change(self._kind, self._project_id, record.id, body))
        return record

    def remove(self, id: str) -> None:
        """Forget a record for good."""
        self._forget_aliases(id)
        del self._records[id]
        if self._store:
            self._store.note(Change(self._kind, self._project_id, id, None))

    def _forget_aliases(self, id: str) -> None:
        held = self._records.get(id)
        for alias in self._aliases_of(held) if held else ():
            self._ids.pop(alias, None)


class Project:
    """One project's records."""

    def __init__(self, id: str, store: Store | None) -> None:
        self.id = id
        self.access_keys: Table[AccessKey] = Table(
            "access_key", id, store, lambda key: [key.secret_digest]
        )
        self.tenants: Table[Tenant] = Table("tenant", id, store)
        self.permissions: Table[Permission] = Table(
            "permission", id, store, lambda permission: [permission.name]
        )
        self.roles: Table[Role] = Table(
            "role", id, store, lambda role: [role_alias(role.name, role.tenant_id)]
        )
        self.users: Table[User] = Table("user", id, store, lambda user: user.login_ids)
        self.signing_keys: Table[SigningKey] = Table("signing_key", id, store)


def role_alias(name: str, tenant_id: str) -> str:
    """What a role is found by; names are unique within a tenant, and within the project."""
    return json.dumps([tenant_id, name])


@frozen
class ProjectRecord:
    """That a project exists."""

    id: str


@frozen
class Call:
    """A request that was let in, whether over HTTP, from Python or from a seed.

    Attributes:
        project: The project it is about.
        fields: What it says.
        now: When it came, in epoch seconds.
        author: Who is asking: the id of a management key.
    """

    project: Project
    fields: Fields
    now: int
    author: str


class State:
    """All projects and management keys, with what the store remembers of earlier runs."""

    def __init__(self, store: Store | None) -> None:
        self._store = store
        self._existing: Table[ProjectRecord] = Table("project", "", store)
        self._projects: dict[str, Project] = {}
        self.management_keys: Table[ManagementKey] = Table(
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
        """A new project, with the role and permissions that the service puts in each."""
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

    def manager(self, project_id: str | None, secret: str) -> ManagementKey:
        """The management key of this secret, if it may manage the project (None for any)."""
        key = self.management_keys.find(digest(secret))
        if key is None:
            raise Refusal(Problem.UNAUTHORIZED, "The management key is not valid")
        if project_id is not None and key.project_ids and project_id not in key.project_ids:
            raise Refusal(Problem.UNAUTHORIZED, "The management key is for another project")
        return key

    async def settle(self) -> None:
        """Return when everything done so far is stored."""
        if self._store:
            await self._store.settle()

    async def aclose(self) -> None:
        """Store what is left, and let go of the store."""
        if self._store:
            await self._store.aclose()

    def _recall(self, change: Change) -> None:
        values: dict[str, Any] = json.loads(change.body or "{}")
        if change.kind == "project":
            self._existing.hold(ProjectRecord(**values))
            self._projects[change.id] = Project(change.id, self._store)
        elif change.kind == "management_key":
            self.management_keys.hold(ManagementKey(**values))
        else:
            self._recall_in(self._projects[change.project_id], change.kind, values)

    @staticmethod
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
