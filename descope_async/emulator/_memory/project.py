"""Project: the records of one project, and its settings."""

from __future__ import annotations

import json
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from attrs import field, frozen

from descope_async.emulator._error_answers import Refusal
from descope_async.emulator.token_shapes import TokenShape

from .data_file import DataFile
from .records import (
    AccessKey,
    JwtTemplate,
    Permission,
    Role,
    SigningKey,
    Tenant,
    User,
    restored_shape,
)
from .table import Table


@frozen
class ProjectSettings:
    """The settings of a project.

    Attributes:
        id: The project's id.
        token_lifetime: Seconds that its session tokens live; None for the emulator's default.
        token_shape: What its session tokens look like; None for the default.
        key_attributes: The custom attributes that its access keys may have, where the emulator is
            strict.
    """

    id: str
    token_lifetime: int | None = None
    token_shape: TokenShape | None = field(default=None, converter=restored_shape)
    key_attributes: list[str] = field(factory=list[str])


class Project:
    """One project's records.

    Attributes:
        id: The project's id.
        settings: Its settings; changed with `change`.
    """

    def __init__(
        self, settings: ProjectSettings, table: Table[ProjectSettings], data_file: DataFile | None
    ) -> None:
        self.id = settings.id
        self.settings = settings
        self._table = table
        self.access_keys: Table[AccessKey] = Table(
            "access_key", self.id, data_file, lambda key: [key.secret_digest]
        )
        self.tenants: Table[Tenant] = Table("tenant", self.id, data_file)
        self.permissions: Table[Permission] = Table(
            "permission", self.id, data_file, lambda permission: [permission.name]
        )
        self.roles: Table[Role] = Table(
            "role", self.id, data_file, lambda role: [role_alias(role.name, role.tenant_id)]
        )
        self.users: Table[User] = Table("user", self.id, data_file, lambda user: user.login_ids)
        self.jwt_templates: Table[JwtTemplate] = Table("jwt_template", self.id, data_file)
        self.signing_keys: Table[SigningKey] = Table("signing_key", self.id, data_file)

        self._tables: tuple[Table[Any], ...] = (
            self.access_keys,
            self.tenants,
            self.permissions,
            self.roles,
            self.users,
            self.jwt_templates,
            self.signing_keys,
        )

    def clear(self) -> None:
        """Forget all records, of which the data file knows."""
        for table in self._tables:
            table.clear()

    @contextmanager
    def as_a_whole(self) -> Generator[None]:
        """Undo what was done to the records within, when it ends with a refusal."""
        before = [(table, list(table)) for table in self._tables]
        try:
            yield
        except Refusal:
            for table, records in before:
                table.restore(records)
            raise

    def change(self, settings: ProjectSettings) -> None:
        """Give the project other settings."""
        self.settings = self._table.put(settings)


def role_alias(name: str, tenant_id: str) -> str:
    """What a role is found by. Names are unique within a tenant, and within the project."""
    return json.dumps([tenant_id, name])
