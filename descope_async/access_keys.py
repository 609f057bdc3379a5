"""Management of access keys: what an administrator does with a management key."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Literal, TypeVar

from . import arguments, wire
from .config import Config
from .license import License
from .messages import MAX_BODY, Answer, Request
from .models import AccessKey, AssociatedTenant, CreatedAccessKey, SortField
from .transport import Transport

T = TypeVar("T")

_ROOT: Final = "/v1/mgmt/accesskey"
#: A search answers with all keys of a project at once.
_MAX_SEARCH: Final = 256 * 1024 * 1024


class AccessKeys:
    """The access keys of a project. Every call needs a management key.

    Every call raises InvalidArgument for an argument that cannot be right and ConfigurationError
    without a management key, both before anything is sent; ApiError when the service refuses;
    RequestFailed when no answer comes; UnexpectedResponse for an answer that makes no sense; and ClientClosed once
    the client is closed.
    """

    def __init__(self, config: Config, transport: Transport, license: License) -> None:
        self._config = config
        self._transport = transport
        self._license = license

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
    ) -> CreatedAccessKey:
        """Make an access key. Its secret is in the result and is never shown again.

        Project roles and tenants exclude one another: when both are given, the roles of the
        tenants win and ``role_names`` has no effect.

        Args:
            name: What to call it. Names need not be unique.
            expire_time: When it stops working: epoch seconds or an aware datetime; 0 for never.
                It cannot be changed later.
            role_names: Roles on the project.
            key_tenants: Tenants that it belongs to, with its roles in each.
            user_id: A user to bind it to. It then has the user's roles and tenants instead of its
                own, and stops working when the user is disabled or deleted.
            custom_claims: Claims for the top level of its session tokens.
            description: Free text.
            permitted_ips: IP addresses and CIDR ranges that may use it; None or empty for all.
            custom_attributes: Values of attributes that the project declares for access keys.
        """
        body = wire.create_body(
            name=arguments.label("name", name),
            expire_time=arguments.expiry("expire_time", expire_time),
            role_names=_unless_none(arguments.labels, "role_names", role_names) or [],
            key_tenants=_unless_none(arguments.tenants, "key_tenants", key_tenants) or [],
            user_id=_unless_none(arguments.label, "user_id", user_id),
            custom_claims=_unless_none(arguments.json_object, "custom_claims", custom_claims),
            description=_unless_none(arguments.text, "description", description),
            permitted_ips=_unless_none(arguments.addresses, "permitted_ips", permitted_ips),
            custom_attributes=_unless_none(
                arguments.json_object, "custom_attributes", custom_attributes
            ),
        )
        answer = await self._post("create", body)
        return answer.read(CreatedAccessKey)

    async def load(self, id: str) -> AccessKey:
        """Load one access key.

        Args:
            id: The key's id.

        Raises:
            NotFound: There is no such key.
        """
        query = wire.id_body(arguments.identifier("id", id))
        answer = await self._send("load", "GET", "", query=query)
        return answer.read(wire.KeyAnswer).key

    async def search_all_access_keys(
        self,
        tenant_ids: Sequence[str] | None = None,
        bound_user_id: str | None = None,
        creating_user: str | None = None,
        custom_attributes: Mapping[str, Any] | None = None,
        *,
        text: str | None = None,
        sort: Sequence[SortField | Mapping[str, Any]] | None = None,
    ) -> list[AccessKey]:
        """Find access keys: those that meet all criteria, or all of them without any.

        Args:
            tenant_ids: Keys that belong to any of these tenants.
            bound_user_id: Keys bound to this user.
            creating_user: Keys that this user created.
            custom_attributes: Keys with these values.
            text: Keys in which this text occurs.
            sort: The order; None for the service's own.
        """
        body = wire.search_body(
            tenant_ids=_unless_none(arguments.labels, "tenant_ids", tenant_ids) or [],
            bound_user_id=_unless_none(arguments.label, "bound_user_id", bound_user_id),
            creating_user=_unless_none(arguments.label, "creating_user", creating_user),
            custom_attributes=_unless_none(
                arguments.json_object, "custom_attributes", custom_attributes
            ),
            text=_unless_none(arguments.text, "text", text),
            sort=_unless_none(arguments.sort_fields, "sort", sort),
        )
        answer = await self._post("search", body)
        return list(answer.read(wire.KeysAnswer).keys)

    async def update(
        self,
        id: str,
        name: str,
        description: str | None = None,
        role_names: Sequence[str] | None = None,
        key_tenants: Sequence[AssociatedTenant | Mapping[str, Any]] | None = None,
        custom_claims: Mapping[str, Any] | None = None,
        permitted_ips: Sequence[str] | None = None,
        custom_attributes: Mapping[str, Any] | None = None,
    ) -> AccessKey:
        """Change an access key. None keeps what is there; an empty value clears it.

        Args:
            id: The key's id.
            name: Its name, also when unchanged: the service demands it.
            description: Free text; ``""`` clears.
            role_names: Roles on the project; ``[]`` clears.
            key_tenants: Tenants with the key's roles in each; ``[]`` clears.
            custom_claims: Claims for the top level of its session tokens; ``{}`` clears.
            permitted_ips: Addresses and ranges that may use it; ``[]`` clears, so that all may.
            custom_attributes: Values of declared attributes; ``{}`` clears.

        Returns:
            The key as it is now.

        Raises:
            NotFound: There is no such key.
        """
        body = wire.update_body(
            id=arguments.identifier("id", id),
            name=arguments.label("name", name),
            description=_unless_none(arguments.text, "description", description),
            role_names=_unless_none(arguments.labels, "role_names", role_names),
            key_tenants=_unless_none(arguments.tenants, "key_tenants", key_tenants),
            custom_claims=_unless_none(arguments.json_object, "custom_claims", custom_claims),
            permitted_ips=_unless_none(arguments.addresses, "permitted_ips", permitted_ips),
            custom_attributes=_unless_none(
                arguments.json_object, "custom_attributes", custom_attributes
            ),
        )
        answer = await self._post("update", body)
        return answer.read(wire.KeyAnswer).key

    async def deactivate(self, id: str) -> None:
        """Stop an access key from working, until it is activated again.

        Args:
            id: The key's id.

        Raises:
            NotFound: There is no such key.
        """
        await self._switch("deactivate", wire.id_body(arguments.identifier("id", id)))

    async def activate(self, id: str) -> None:
        """Let a deactivated access key work again.

        Args:
            id: The key's id.

        Raises:
            NotFound: There is no such key.
        """
        await self._switch("activate", wire.id_body(arguments.identifier("id", id)))

    async def delete(self, id: str) -> None:
        """Delete an access key, for good.

        Args:
            id: The key's id.

        Raises:
            NotFound: There is no such key.
        """
        await self._switch("delete", wire.id_body(arguments.identifier("id", id)))

    async def rotate(self, id: str) -> CreatedAccessKey:
        """Give an access key a new secret; the old one is dead at once.

        Everything else stays as it is, the id included. Session tokens that were made with the
        old secret work until they expire.

        Args:
            id: The id of a key that is active and not expired.

        Returns:
            The key with its new secret, which is never shown again.

        Raises:
            NotFound: There is no such key.
        """
        answer = await self._post("rotate", wire.id_body(arguments.identifier("id", id)))
        return answer.read(CreatedAccessKey)

    async def activate_batch(self, ids: Collection[str]) -> None:
        """Let several deactivated access keys work again.

        Args:
            ids: Their ids: at least one, each once.
        """
        await self._switch("activate_batch", wire.ids_body(arguments.identifiers("ids", ids)))

    async def deactivate_batch(self, ids: Collection[str]) -> None:
        """Stop several access keys from working.

        Args:
            ids: Their ids: at least one, each once.
        """
        await self._switch("deactivate_batch", wire.ids_body(arguments.identifiers("ids", ids)))

    async def delete_batch(self, ids: Collection[str]) -> None:
        """Delete several access keys, for good.

        Args:
            ids: Their ids: at least one, each once.
        """
        await self._switch("delete_batch", wire.ids_body(arguments.identifiers("ids", ids)))

    async def _switch(self, operation: str, body: Mapping[str, Any]) -> None:
        answer = await self._post(operation, body)
        if answer.body.strip():  # whatever else answers with success has changed nothing
            answer.read(wire.Done)

    async def _post(self, operation: str, body: Mapping[str, Any]) -> Answer:
        return await self._send(operation, "POST", f"/{operation.replace('_', '/')}", body=body)

    async def _send(
        self,
        operation: str,
        method: Literal["GET", "POST"],
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> Answer:
        bearer = self._config.management_bearer()
        return await self._transport.send(
            Request(
                operation=f"access_key.{operation}",
                method=method,
                path=f"{_ROOT}{path}",
                deadline=self._config.timeouts.deadline,
                bearer=bearer,
                query=query,
                body=body,
                max_body=_MAX_SEARCH if operation == "search" else MAX_BODY,
                license_tier=await self._license.tier(),
            )
        )


def _unless_none(check: Callable[[str, object], T], parameter: str, value: object) -> T | None:
    return None if value is None else check(parameter, value)
