"""One project's memory, and the call that the rules are asked with."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Generic, Protocol, TypeVar

import attrs
from attrs import frozen

from descope_async.emulator.fields import Fields

from .records import AccessKey, Permission, Role, SigningKey, Tenant, User
from .store import Change, Store


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
