"""Management of access keys: what an administrator does with a management key."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any, Final, Literal, TypeVar

import anyio
from attrs import AttrsInstance

from . import _arguments as arguments
from ._calls import wire
from ._calls.delivery import Delivery
from ._calls.license import License
from ._calls.messages import Answer, Request
from ._calls.once import REPEATABLE, Once
from ._calls.reconciliation import Reconciliation
from ._calls.transport import Transport
from ._config.config import Config
from ._runtime.clock import Clock
from ._values.secret import Secret
from .errors import BadRequest, Conflict, NotFound
from .events._telemetry import Telemetry
from .models import AccessKey, AccessKeyLoginOptions, AssociatedTenant, CreatedAccessKey, SortField
from .settings import Deliver

T = TypeVar("T")
V = TypeVar("V", bound=AttrsInstance)

_ROOT: Final = "/v1/mgmt/accesskey"


class AccessKeys:
    """The access keys of a project. Every call needs a management key.

    Every call raises InvalidArgument for an argument that cannot be right and ConfigurationError
    without a management key, both before anything is sent; ApiError when the service refuses;
    RequestFailed when no answer comes; UnexpectedResponse for an answer that makes no sense; and
    ClientClosed once the client is closed.

    Calls are repeated after passing troubles, within the client's limits. `create` and `rotate` are
    only where the service surely did nothing; otherwise they raise OutcomeUnknown.
    """

    def __init__(
        self,
        config: Config,
        transport: Transport,
        license: License,
        exchange: Callable[[Secret[str], AccessKeyLoginOptions], Awaitable[object]],
        clock: Clock,
        telemetry: Telemetry,
    ) -> None:
        self._config = config
        self._transport = transport
        self._license = license
        self._telemetry = telemetry
        self._reconciliation = Reconciliation(
            self.load,
            self.search_all_access_keys,
            exchange,
            clock,
            telemetry=telemetry,
        )

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
        *,
        on_unknown: Literal["raise", "reconcile"] = "raise",
        deliver: Deliver | None = None,
    ) -> CreatedAccessKey:
        """Make an access key. Its secret is in the result and is never shown again.

        A cancellation after the request was sent waits for the answer, at most for
        ``timeouts.secret``, and becomes an OutcomeUnknown that holds the new key.

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
            on_unknown: What to do when no answer tells whether the key was made. ``"raise"``:
                raise OutcomeUnknown. ``"reconcile"``: put a marker at the end of the description,
                which stays there, and find out by it. If there is such a key, it gets a new secret;
                if there is none, it is created again. This takes up to 5 minutes.
            deliver: Stores the secret: called with a `DeliveredSecret` as soon as the answer has
                been read, before this returns, and even if this is cancelled meanwhile. A coroutine
                function is awaited; any other callable runs on a worker thread, in a copy of the
                caller's context. It has ``timeouts.deliver`` seconds. It is called once for each
                secret; with ``"reconcile"`` a second secret of the same key replaces the first.
                None for the client's own ``deliver``.

        Raises:
            OutcomeUnknown: The key may have been made, and its secret may be lost.
            DeliveryFailed: ``deliver`` raised an error or took too long. The error has the secret.
        """
        reconciles = arguments.on_unknown("on_unknown", on_unknown)
        called = arguments.label("name", name)
        make_body = partial(
            wire.create_body,
            name=called,
            expire_time=arguments.expiry("expire_time", expire_time),
            role_names=_unless_none(arguments.labels, "role_names", role_names) or [],
            key_tenants=_unless_none(arguments.tenants, "key_tenants", key_tenants) or [],
            user_id=_unless_none(arguments.label, "user_id", user_id),
            custom_claims=_unless_none(arguments.json_object, "custom_claims", custom_claims),
            permitted_ips=_unless_none(arguments.addresses, "permitted_ips", permitted_ips),
            custom_attributes=_unless_none(
                arguments.json_object, "custom_attributes", custom_attributes
            ),
        )
        said = _unless_none(arguments.text, "description", description)

        delivery = self._delivery("create", deliver, called)

        async def create(marker: str | None) -> CreatedAccessKey:
            marked = f"{said or ''} {marker}".lstrip() if marker else said
            about = Once(
                operation="create",
                name=called,
                marker=marker,
                delivery=delivery,
                telemetry=self._telemetry,
            )
            return await self._post(
                "create", make_body(description=marked), CreatedAccessKey, about
            )

        if not reconciles:
            return await create(None)

        return await self._reconciliation.create(create, partial(self._rotate, delivery))

    async def load(self, id: str) -> AccessKey:
        """Load one access key.

        Args:
            id: The key's id.

        Raises:
            NotFound: There is no such key.
        """
        query = wire.id_body(arguments.identifier("id", id))
        return (await self._send("load", "GET", "", wire.KeyAnswer, query=query)).key

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
        return list((await self._post("search", body, wire.KeysAnswer)).keys)

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
        return (await self._post("update", body, wire.KeyAnswer)).key

    async def deactivate(self, id: str) -> None:
        """Stop an access key from working, until it is activated again.

        Args:
            id: The key's id.

        Raises:
            NotFound: There is no such key.
        """
        await self._change("deactivate", [arguments.identifier("id", id)])

    async def activate(self, id: str) -> None:
        """Let a deactivated access key work again.

        Args:
            id: The key's id.

        Raises:
            NotFound: There is no such key.
        """
        await self._change("activate", [arguments.identifier("id", id)])

    async def delete(self, id: str) -> None:
        """Delete an access key, for good.

        Args:
            id: The key's id.

        Raises:
            NotFound: There is no such key.
        """
        await self._change("delete", [arguments.identifier("id", id)])

    async def rotate(
        self,
        id: str,
        *,
        on_unknown: Literal["raise", "reconcile"] = "raise",
        deliver: Deliver | None = None,
    ) -> CreatedAccessKey:
        """Give an access key a new secret; the old one is dead at once.

        Everything else stays as it is, the id included. Session tokens that were made with the
        old secret work until they expire. As for `create`, a cancellation after the request was
        sent waits for the answer.

        Args:
            id: The id of a key that is active and not expired.
            on_unknown: What to do when no answer tells whether the key has a new secret.
                ``"raise"``: raise OutcomeUnknown. ``"reconcile"``: wait for a minute, until the
                request can no longer be carried out, rotate again, and prove the new secret by an
                exchange; all that up to three times. This takes up to 5 minutes.
            deliver: Stores the secret, as for `create`.

        Returns:
            The key with its new secret, which is never shown again.

        Raises:
            NotFound: There is no such key.
            OutcomeUnknown: The old secret may be dead, and the new one lost.
            DeliveryFailed: ``deliver`` raised an error or took too long. The error has the secret.
        """
        key_id = arguments.identifier("id", id)
        reconciles = arguments.on_unknown("on_unknown", on_unknown)
        rotate = partial(self._rotate, self._delivery("rotate", deliver))
        return await (self._reconciliation.rotate(key_id, rotate) if reconciles else rotate(key_id))

    async def activate_batch(self, ids: Collection[str]) -> None:
        """Let several deactivated access keys work again.

        Args:
            ids: Their ids: at least one, each once.
        """
        await self._change("activate_batch", arguments.identifiers("ids", ids))

    async def deactivate_batch(self, ids: Collection[str]) -> None:
        """Stop several access keys from working.

        Args:
            ids: Their ids: at least one, each once.
        """
        await self._change("deactivate_batch", arguments.identifiers("ids", ids))

    async def delete_batch(self, ids: Collection[str]) -> None:
        """Delete several access keys, for good.

        Args:
            ids: Their ids: at least one, each once.
        """
        await self._change("delete_batch", arguments.identifiers("ids", ids))

    async def _rotate(self, delivery: Delivery | None, key_id: str) -> CreatedAccessKey:
        about = Once(
            operation="rotate", key_id=key_id, delivery=delivery, telemetry=self._telemetry
        )
        return await self._post("rotate", wire.id_body(key_id), CreatedAccessKey, about)

    def _delivery(
        self, operation: Literal["create", "rotate"], given: object, name: str | None = None
    ) -> Delivery | None:
        deliver = arguments.deliver("deliver", given) or self._config.deliver
        if deliver is None:
            return None
        return Delivery(deliver, self._config.timeouts.deliver, operation, name)

    async def _change(self, operation: str, ids: list[str]) -> None:
        until = anyio.current_time() + self._config.timeouts.deadline
        body = wire.ids_body(ids) if operation.endswith("_batch") else wire.id_body(ids[0])
        try:
            await self._post(operation, body, wire.Done)
        except (BadRequest, Conflict, NotFound) as error:
            refusal = error.with_traceback(None)
        else:
            return
        if refusal.uncertain:
            # An earlier attempt may have done it, and the service refuses to do it again.
            if operation == "delete" and isinstance(refusal, NotFound):
                return
            with anyio.move_on_after(until - anyio.current_time()):
                if await self._reconciliation.is_done(operation, ids):
                    return
        raise refusal

    async def _post(
        self, operation: str, body: Mapping[str, Any], cls: type[V], once: Once | None = None
    ) -> V:
        path = f"/{operation.replace('_', '/')}"
        return await self._send(operation, "POST", path, cls, body=body, once=once)

    async def _send(
        self,
        operation: str,
        method: Literal["GET", "POST"],
        path: str,
        cls: type[V],
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        once: Once | None = None,
    ) -> V:
        request = Request(
            operation=f"access_key.{operation}",
            method=method,
            path=f"{_ROOT}{path}",
            deadline=self._config.timeouts.deadline,
            bearer=self._config.management_bearer(),
            query=query,
            body=body,
            max_body=wire.MAX_SEARCH if operation == "search" else wire.MAX_KEY,
            silence=None if once is None else self._config.timeouts.secret,
            care=once or REPEATABLE,
        )
        if self._license.tier is None:
            async with self._license.during_call():
                request.license_tier = self._license.tier
                return await self._transport.send(request, partial(_read, cls))
        request.license_tier = self._license.tier
        return await self._transport.send(request, partial(_read, cls))


async def _read(cls: type[V], answer: Answer) -> V:
    # What changes a state may be confirmed without a word.
    if cls is wire.Done and not answer.body.strip():
        return cls()
    return await answer.read(cls)


def _unless_none(check: Callable[[str, object], T], parameter: str, value: object) -> T | None:
    return None if value is None else check(parameter, value)
