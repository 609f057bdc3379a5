"""Access keys that exist: found, changed, switched on and off, deleted."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from descope_async import _arguments as arguments
from descope_async._arguments import unless_none
from descope_async._calls import operations, wire
from descope_async._calls.management import ManagementCalls
from descope_async._calls.operations import Operation
from descope_async._runtime.clock import SYSTEM_CLOCK
from descope_async._runtime.waits import move_on_after
from descope_async.errors import BadRequest, Conflict, DescopeError, NotFound
from descope_async.models import AccessKey, AssociatedTenant, SortField


class ExistingAccessKeys:
    """What can be done with access keys that exist."""

    def __init__(self, calls: ManagementCalls, deadline: float) -> None:
        self._calls = calls
        self._deadline = deadline

    async def load(self, id: str) -> AccessKey:
        """Load one access key.

        Args:
            id: The key's id.

        Raises:
            NotFound: There is no such key.
        """
        query = wire.id_query(arguments.identifier("id", id))
        return (await self._calls.send(operations.LOAD, query=query)).key

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
            tenant_ids=unless_none(arguments.labels, "tenant_ids", tenant_ids) or [],
            bound_user_id=unless_none(arguments.label, "bound_user_id", bound_user_id),
            creating_user=unless_none(arguments.label, "creating_user", creating_user),
            custom_attributes=unless_none(
                arguments.json_object, "custom_attributes", custom_attributes
            ),
            text=unless_none(arguments.text, "text", text),
            sort=unless_none(arguments.sort_fields, "sort", sort),
        )
        return (await self._calls.send(operations.SEARCH, body=body)).keys

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

        The last writer wins, also over a change that somebody makes between two attempts of this.

        What is passed may be as much as for `create`. What the key keeps is not counted.

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
            description=unless_none(arguments.text, "description", description),
            role_names=unless_none(arguments.labels, "role_names", role_names),
            key_tenants=unless_none(arguments.tenants, "key_tenants", key_tenants),
            custom_claims=unless_none(arguments.json_object, "custom_claims", custom_claims),
            permitted_ips=unless_none(arguments.addresses, "permitted_ips", permitted_ips),
            custom_attributes=unless_none(
                arguments.json_object, "custom_attributes", custom_attributes
            ),
        )
        return (await self._calls.send(operations.UPDATE, body=body)).key

    async def deactivate(self, id: str) -> None:
        """Stop an access key from working, until it is activated again.

        Args:
            id: The key's id.

        Raises:
            NotFound: There is no such key.
        """
        await self._change(operations.DEACTIVATE, [arguments.identifier("id", id)])

    async def activate(self, id: str) -> None:
        """Let a deactivated access key work again.

        Args:
            id: The key's id.

        Raises:
            NotFound: There is no such key.
        """
        await self._change(operations.ACTIVATE, [arguments.identifier("id", id)])

    async def delete(self, id: str) -> None:
        """Delete an access key, for good.

        Args:
            id: The key's id.

        Raises:
            NotFound: There is no such key.
        """
        await self._change(operations.DELETE, [arguments.identifier("id", id)])

    async def activate_batch(self, ids: Collection[str]) -> None:
        """Let several deactivated access keys work again.

        Args:
            ids: Their ids: at least one, each once.
        """
        await self._change(operations.ACTIVATE_BATCH, arguments.identifiers("ids", ids))

    async def deactivate_batch(self, ids: Collection[str]) -> None:
        """Stop several access keys from working.

        Args:
            ids: Their ids: at least one, each once.
        """
        await self._change(operations.DEACTIVATE_BATCH, arguments.identifiers("ids", ids))

    async def delete_batch(self, ids: Collection[str]) -> None:
        """Delete several access keys, for good.

        Args:
            ids: Their ids: at least one, each once.
        """
        await self._change(operations.DELETE_BATCH, arguments.identifiers("ids", ids))

    async def _change(self, operation: Operation[wire.Done], ids: list[str]) -> None:
        until = SYSTEM_CLOCK.running() + self._deadline
        body = wire.ids_body(ids) if operation.is_batch else wire.id_body(ids[0])
        try:
            await self._calls.send(operation, body=body)
        except (BadRequest, Conflict, NotFound) as error:
            refusal = error.with_traceback(None)
        else:
            return
        if refusal.may_be_done:
            # An earlier attempt may have done it, and the service refuses to do it again.
            if operation is operations.DELETE and isinstance(refusal, NotFound):
                return
            async with move_on_after(until - SYSTEM_CLOCK.running()):
                if await self._is_done(operation, ids):
                    return
        raise refusal

    async def _is_done(self, operation: Operation[wire.Done], ids: Collection[str]) -> bool:
        """Whether the keys already are in the state that the operation should have left."""
        try:
            if operation.is_batch:
                found = await self.search_all_access_keys()
            else:
                found = [await self.load(key_id) for key_id in ids]
        except NotFound:
            found = []
        except DescopeError:
            return False
        status = {key.id: key.status for key in found}
        return all(status.get(key_id, "deleted") == operation.leaves for key_id in ids)
