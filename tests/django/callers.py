"""Machines that call a site."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import frozen

from descope_sync import DescopeClient


@frozen
class Callers:
    """Makes callers with given rights.

    Attributes:
        client: An administrator's client.
    """

    client: DescopeClient

    def key(self, roles: Sequence[str] = (), tenants: dict[str, list[str]] | None = None) -> str:
        """The secret of an access key with these roles, on the project or in tenants."""
        memberships = [
            {"tenant_id": name, "role_names": names} for name, names in (tenants or {}).items()
        ]
        made = self.client.mgmt.access_key.create(
            "caller", role_names=list(roles), key_tenants=memberships
        )
        return made.cleartext

    def token(self, roles: Sequence[str] = (), tenants: dict[str, list[str]] | None = None) -> str:
        """A session token with these rights."""
        return self.client.exchange_access_key(self.key(roles, tenants)).jwt

    def headers(
        self, roles: Sequence[str] = (), tenants: dict[str, list[str]] | None = None
    ) -> dict[str, str]:
        """The headers of a request with such a token."""
        return {"Authorization": f"Bearer {self.token(roles, tenants)}"}
