"""Management of access keys: what an administrator does with a management key."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any, Literal

from attrs import evolve

from descope_async import _arguments as arguments
from descope_async._arguments import unless_none
from descope_async._calls import operations, wire
from descope_async._calls.delivery import Delivery
from descope_async._calls.license import License
from descope_async._calls.management import ManagementCalls
from descope_async._calls.new_secret import NewSecret
from descope_async._calls.once import Once
from descope_async._calls.reconciliation import Reconciliation
from descope_async._calls.transport import Transport
from descope_async._config.config import Config
from descope_async._runtime.clock import Clock
from descope_async._values.secret import Secret
from descope_async.events._telemetry import Telemetry
from descope_async.models import AccessKeyLoginOptions, AssociatedTenant, CreatedAccessKey
from descope_async.settings import Deliver

from ._existing import ExistingAccessKeys

__all__ = ["AccessKeys"]


class AccessKeys(ExistingAccessKeys):
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
        super().__init__(ManagementCalls(config, transport, license), config.timeouts.deadline)
        self._config = config
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

        Roles, addresses and values in claims and attributes may be 12,000 together, of which a tenant
        takes four, and a list or an object within a list two. The answer has more, and is refused beyond
        20,000.

        Args:
            name: What to call it. Names need not be unique.
            expire_time: When it stops working: epoch seconds or an aware datetime; 0 for never.
                It cannot be changed later. After 2038-01-19 other SDKs cannot read the key.
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
            role_names=unless_none(arguments.labels, "role_names", role_names) or [],
            key_tenants=unless_none(arguments.tenants, "key_tenants", key_tenants) or [],
            user_id=unless_none(arguments.label, "user_id", user_id),
            custom_claims=unless_none(arguments.json_object, "custom_claims", custom_claims),
            permitted_ips=unless_none(arguments.addresses, "permitted_ips", permitted_ips),
            custom_attributes=unless_none(
                arguments.json_object, "custom_attributes", custom_attributes
            ),
        )
        said = unless_none(arguments.text, "description", description)
        given = arguments.deliver("deliver", deliver)

        async def create(marker: str | None) -> CreatedAccessKey:
            marked = f"{said or ''} {marker}".lstrip() if marker else said
            new_secret = NewSecret("create", name=called, marker=marker)
            once = Once(new_secret, self._delivery(new_secret, given))
            body = make_body(description=marked)
            return await self._calls.send(operations.CREATE, body=body, once=once)

        if not reconciles:
            return await create(None)

        rotate = partial(self._rotate, given, NewSecret("create", name=called))
        return await self._reconciliation.create(create, rotate)

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
        given = arguments.deliver("deliver", deliver)
        rotate = partial(self._rotate, given, NewSecret("rotate", key_id))
        return await (self._reconciliation.rotate(key_id, rotate) if reconciles else rotate(key_id))

    async def _rotate(
        self, given: Deliver | None, asked: NewSecret, key_id: str
    ) -> CreatedAccessKey:
        """Give an access key a new secret. A create that was reconciled asks for one, too."""
        delivery = self._delivery(evolve(asked, key_id=key_id), given)
        return await self._calls.send(
            operations.ROTATE,
            body=wire.id_body(key_id),
            once=Once(NewSecret("rotate", key_id), delivery),
        )

    def _delivery(self, asked: NewSecret, given: Deliver | None) -> Delivery:
        within = self._config.timeouts.deliver
        return Delivery(asked, given or self._config.deliver, within, self._telemetry)
