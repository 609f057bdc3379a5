"""The official SDK's management of access keys: its parameters, and dicts as results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from descope_async.access_keys import AccessKeys
from descope_async.models import AssociatedTenant

from .exceptions import official_errors

__all__ = ["AccessKeyManagement"]


class AccessKeyManagement:
    """The access keys of a project. Every call needs a management key.

    Every call raises AuthException: with status 400 for an argument that cannot be right, before
    anything is sent; with the service's status when it refuses; with 503 when no answer comes; and
    with 502 for an answer that makes no sense. A key in a result is a dict under the service's
    names: ``id``, ``name``, ``status``, ``roleNames``, ``keyTenants``, ``expireTime`` and so on.
    """

    def __init__(self, access_keys: AccessKeys) -> None:
        self._access_keys = access_keys

    async def create(
        self,
        name: str,
        expire_time: int | datetime = 0,
        role_names: Sequence[str] | None = None,
        key_tenants: Sequence[AssociatedTenant | Mapping[str, Any]] | None = None,
        user_id: str | None = None,
        custom_claims: Mapping[str, Any] | None = None,
        description: str | None = None,
        permitted_ips: Sequence[str] | None = None,
        custom_attributes: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Make an access key.

        Args:
            name: What to call it. Names need not be unique.
            expire_time: When it stops working: epoch seconds or an aware datetime; 0 for never.
            role_names: Roles on the project; without effect where there are tenants.
            key_tenants: Tenants that it belongs to, with its roles in each.
            user_id: A user to bind it to, whose roles and tenants it then has.
            custom_claims: Claims for the top level of its session tokens.
            description: Free text.
            permitted_ips: IP addresses and CIDR ranges that may use it; None or empty for all.
            custom_attributes: Values of attributes that the project declares for access keys.

        Returns:
            ``{"key": …, "cleartext": …}``. The cleartext is never shown again.
        """
        with official_errors():
            created = await self._access_keys.create(
                name,
                expire_time,
                role_names,
                key_tenants,
                user_id or None,
                custom_claims,
                description,
                permitted_ips,
                custom_attributes,
            )
        return created.to_dict(secrets=True)

    async def load(self, id: str) -> dict[str, Any]:
        """Load one access key.

        Args:
            id: The key's id.

        Returns:
            ``{"key": …}``.
        """
        with official_errors():
            key = await self._access_keys.load(id)
        return {"key": key.to_dict()}

    async def search_all_access_keys(
        self,
        tenant_ids: Sequence[str] | None = None,
        bound_user_id: str | None = None,
        creating_user: str | None = None,
        custom_attributes: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Find access keys: those that meet all criteria, or all of them without any.

        Args:
            tenant_ids: Keys that belong to any of these tenants.
            bound_user_id: Keys bound to this user.
            creating_user: Keys that this user created.
            custom_attributes: Keys with these values of custom attributes.

        Returns:
            ``{"keys": [ … ]}``.
        """
        with official_errors():
            keys = await self._access_keys.search_all_access_keys(
                tenant_ids, bound_user_id or None, creating_user or None, custom_attributes
            )
        return {"keys": [key.to_dict() for key in keys]}

    async def update(
        self,
        id: str,
        name: str,
        description: str | None = None,
        custom_claims: Mapping[str, Any] | None = None,
        permitted_ips: Sequence[str] | None = None,
        custom_attributes: Mapping[str, Any] | None = None,
    ) -> None:
        """Change an access key. None keeps what is there, an empty value clears it.

        Args:
            id: The key's id.
            name: Its new name, or its old one.
            description: Free text.
            custom_claims: Claims for the top level of its session tokens.
            permitted_ips: IP addresses and CIDR ranges that may use it.
            custom_attributes: Values of attributes that the project declares for access keys.
        """
        with official_errors():
            await self._access_keys.update(
                id,
                name,
                description,
                custom_claims=custom_claims,
                permitted_ips=permitted_ips,
                custom_attributes=custom_attributes,
            )

    async def activate(self, id: str) -> None:
        """Let a deactivated access key work again.

        Args:
            id: The key's id.
        """
        with official_errors():
            await self._access_keys.activate(id)

    async def deactivate(self, id: str) -> None:
        """Stop an access key from working, until it is activated again.

        Args:
            id: The key's id.
        """
        with official_errors():
            await self._access_keys.deactivate(id)

    async def delete(self, id: str) -> None:
        """Delete an access key, for good.

        Args:
            id: The key's id.
        """
        with official_errors():
            await self._access_keys.delete(id)

    async def rotate(self, id: str) -> dict[str, Any]:
        """Give an access key a new secret; the old one is dead at once.

        Args:
            id: The key's id.

        Returns:
            ``{"key": …, "cleartext": …}``. The cleartext is never shown again.
        """
        with official_errors():
            rotated = await self._access_keys.rotate(id)
        return rotated.to_dict(secrets=True)

    async def activate_batch(self, ids: Sequence[str]) -> None:
        """Let several deactivated access keys work again.

        Args:
            ids: Their ids: at least one, each once.
        """
        with official_errors():
            await self._access_keys.activate_batch(ids)

    async def deactivate_batch(self, ids: Sequence[str]) -> None:
        """Stop several access keys from working.

        Args:
            ids: Their ids: at least one, each once.
        """
        with official_errors():
            await self._access_keys.deactivate_batch(ids)

    async def delete_batch(self, ids: Sequence[str]) -> None:
        """Delete several access keys, for good.

        Args:
            ids: Their ids: at least one, each once.
        """
        with official_errors():
            await self._access_keys.delete_batch(ids)
