"""What a session grants: questions about what the official SDK's client returned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from descope_async._values.secret import Secret

from ._jwt_response import granted, names
from .exceptions import official_errors

__all__ = ["Grants"]


class Grants:
    """The questions that a client answers about sessions, without asking the service."""

    def validate_permissions(
        self, jwt_response: Mapping[str, Any] | None, permissions: Sequence[str]
    ) -> bool:
        """Whether a session has all of these permissions on the project.

        Args:
            jwt_response: What `exchange_access_key` or `validate_session` returned.
            permissions: Their names. With none, any session will do.
        """
        given: Secret[object] = Secret(jwt_response)
        del jwt_response  # it holds the token
        with official_errors():
            return bool(given.reveal()) and granted(given).validate_permissions(names(permissions))

    def get_matched_permissions(
        self, jwt_response: Mapping[str, Any] | None, permissions: Sequence[str]
    ) -> list[str]:
        """Those of these permissions that a session has on the project.

        Args:
            jwt_response: What `exchange_access_key` or `validate_session` returned.
            permissions: Their names.
        """
        given: Secret[object] = Secret(jwt_response)
        del jwt_response  # it holds the token
        with official_errors():
            return granted(given).get_matched_permissions(names(permissions))

    def validate_roles(self, jwt_response: Mapping[str, Any] | None, roles: Sequence[str]) -> bool:
        """Whether a session has all of these roles on the project.

        Args:
            jwt_response: What `exchange_access_key` or `validate_session` returned.
            roles: Their names. With none, any session will do.
        """
        given: Secret[object] = Secret(jwt_response)
        del jwt_response  # it holds the token
        with official_errors():
            return bool(given.reveal()) and granted(given).validate_roles(names(roles))

    def get_matched_roles(
        self, jwt_response: Mapping[str, Any] | None, roles: Sequence[str]
    ) -> list[str]:
        """Those of these roles that a session has on the project.

        Args:
            jwt_response: What `exchange_access_key` or `validate_session` returned.
            roles: Their names.
        """
        given: Secret[object] = Secret(jwt_response)
        del jwt_response  # it holds the token
        with official_errors():
            return granted(given).get_matched_roles(names(roles))

    def validate_tenant_permissions(
        self, jwt_response: Mapping[str, Any] | None, tenant: str, permissions: Sequence[str]
    ) -> bool:
        """Whether a session belongs to a tenant and has all of these permissions there.

        Args:
            jwt_response: What `exchange_access_key` or `validate_session` returned.
            tenant: The tenant's id.
            permissions: Their names. With none, any session of the tenant will do.
        """
        given: Secret[object] = Secret(jwt_response)
        del jwt_response  # it holds the token
        with official_errors():
            return granted(given).validate_tenant_permissions(tenant, names(permissions))

    def get_matched_tenant_permissions(
        self, jwt_response: Mapping[str, Any] | None, tenant: str, permissions: Sequence[str]
    ) -> list[str]:
        """Those of these permissions that a session has in a tenant.

        Args:
            jwt_response: What `exchange_access_key` or `validate_session` returned.
            tenant: The tenant's id.
            permissions: Their names.
        """
        given: Secret[object] = Secret(jwt_response)
        del jwt_response  # it holds the token
        with official_errors():
            return granted(given).get_matched_tenant_permissions(tenant, names(permissions))

    def validate_tenant_roles(
        self, jwt_response: Mapping[str, Any] | None, tenant: str, roles: Sequence[str]
    ) -> bool:
        """Whether a session belongs to a tenant and has all of these roles there.

        Args:
            jwt_response: What `exchange_access_key` or `validate_session` returned.
            tenant: The tenant's id.
            roles: Their names. With none, any session of the tenant will do.
        """
        given: Secret[object] = Secret(jwt_response)
        del jwt_response  # it holds the token
        with official_errors():
            return granted(given).validate_tenant_roles(tenant, names(roles))

    def get_matched_tenant_roles(
        self, jwt_response: Mapping[str, Any] | None, tenant: str, roles: Sequence[str]
    ) -> list[str]:
        """Those of these roles that a session has in a tenant.

        Args:
            jwt_response: What `exchange_access_key` or `validate_session` returned.
            tenant: The tenant's id.
            roles: Their names.
        """
        given: Secret[object] = Secret(jwt_response)
        del jwt_response  # it holds the token
        with official_errors():
            return granted(given).get_matched_tenant_roles(tenant, names(roles))
