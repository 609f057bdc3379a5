"""Calls that must be carried out once, and whose secret must not be lost: create and rotate."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from datetime import UTC, datetime
from functools import partial
from types import MappingProxyType
from typing import Any, ClassVar, Literal, TypeVar, cast
from weakref import ref

from attrs import frozen

from descope_async._runtime.shield import shielded
from descope_async._runtime.unclaimed import await_outcome, outcome_known, watch
from descope_async._values.secret import Secret
from descope_async.errors import (
    DeliveryFailed,
    DescopeError,
    OutcomeUnknown,
    RequestFailed,
    UnexpectedResponse,
)
from descope_async.errors._new_secrets import holds_secret, salvaged_in
from descope_async.events import SecretUnclaimed
from descope_async.events._telemetry import UNHOOKED, Telemetry
from descope_async.models import CreatedAccessKey, secret_of

from .delivery import Delivery
from .messages import Attempt, Repeatable
from .retry_rules import judge
from .salvage import salvaged

T = TypeVar("T")


@frozen(kw_only=True)
class Once(Repeatable):
    """How a create or a rotate is carried out: never twice, and without losing its secret.

    Attributes:
        operation: What is done.
        key_id: The access key that gets a new secret; None when a key is made.
        name: The name of the access key that is made; None when one gets a new secret.
        marker: What its description ends in, to find it by; None for nothing.
        delivery: Hands over the new secret; None when nobody asked for that.
        telemetry: Receives the event of a secret that nobody reads.
    """

    operation: Literal["create", "rotate"]
    key_id: str | None = None
    name: str | None = None
    marker: str | None = None
    delivery: Delivery | None = None
    telemetry: Telemetry = UNHOOKED

    # This asks for a connection of its own too: one that was idle may just have been closed, and
    # then nobody knows what became of a request that was sent over it.
    must_happen_once = True
    # A coding that cannot be undone would take the secret with it.
    headers: ClassVar[Mapping[str, str]] = MappingProxyType({"Accept-Encoding": "identity"})

    def around(
        self,
        work: Callable[[Attempt], Coroutine[Any, Any, T]],
        outcomes: set[asyncio.Task[Any]],
    ) -> Callable[[Attempt], Coroutine[Any, Any, T]]:
        """What makes an attempt that nothing interrupts from the moment at which it is sent.

        Args:
            work: Makes it, with nothing around that.
            outcomes: Tasks whose end the connections wait for before they are closed.
        """
        return partial(self._carry_out, work, outcomes)

    async def _carry_out(
        self,
        work: Callable[[Attempt], Coroutine[Any, Any, T]],
        outcomes: set[asyncio.Task[Any]],
        attempt: Attempt,
    ) -> T:
        loop = asyncio.get_running_loop()
        tell = self._unclaimed(self.key_id, None, "pending")
        pending = await_outcome(loop, lambda: tell() if attempt.is_sent else None)
        try:
            ending = await shielded(
                self._delivered(work, attempt), lambda: attempt.is_sent, outcomes
            )
        except GeneratorExit:  # the loop was closed, and nobody waits any more
            pending.give_up()
            raise
        except asyncio.CancelledError:
            outcome_known(loop, pending)
            raise
        outcome_known(loop, pending)
        failure = ending.error
        if failure is not None and not isinstance(failure, DescopeError):  # Ctrl-C, or sys.exit
            if attempt.is_sent and isinstance(failure.__cause__, DescopeError):
                failure.__cause__ = self._unknown(attempt, failure.__cause__, is_interrupted=True)
            raise failure
        if ending.cancellation is None or holds_secret(failure):
            if failure is not None:
                raise failure
            return cast("T", ending.result)
        if failure is not None and not judge(failure, is_sent=attempt.is_sent).may_be_done:
            raise ending.cancellation
        raise self._unknown(attempt, failure, ending.result, is_interrupted=True)

    def is_enough(self, body: bytes | bytearray) -> bool:
        """Whether the secret is in it."""
        return salvaged(body) is not None

    def salvage(self, failure: UnexpectedResponse, body: bytes | bytearray) -> None:
        """Put the secret into the failure, if the answer has it as a whole."""
        failure.cleartext = salvaged(body)

    def unknown(self, failure: DescopeError, attempt: Attempt) -> DescopeError:
        """An unknown outcome, unless the failure has the secret."""
        return failure if holds_secret(failure) else self._unknown(attempt, failure)

    async def _delivered(
        self, work: Callable[[Attempt], Coroutine[Any, Any, T]], attempt: Attempt
    ) -> T:
        """The result of the work, after its secret was delivered."""
        try:
            made = await work(attempt)
        except (UnexpectedResponse, RequestFailed) as error:
            failure = self._searched(error.with_traceback(None), attempt.arrived)
        else:
            if isinstance(made, CreatedAccessKey):
                await self._deliver(made, made.key.id, secret_of(made), made)
            return made
        finally:
            attempt.arrived.clear()  # frames may refer to it
        cleartext = salvaged_in(failure)
        if cleartext is not None:
            await self._deliver(failure, self.key_id, Secret(cleartext), None)
        raise failure

    def _searched(
        self, failure: UnexpectedResponse | RequestFailed, arrived: bytearray
    ) -> UnexpectedResponse | RequestFailed:
        """The failure, or one with the secret where that came in an answer that is no HTTP."""
        if salvaged_in(failure) is not None:
            return failure
        cleartext = salvaged(arrived.partition(b"\r\n\r\n")[2])
        if cleartext is None:
            return failure
        if isinstance(failure, RequestFailed):
            cause, operation = failure, f"access_key.{self.operation}"
            failure = UnexpectedResponse(
                f"{operation}: the answer cannot be read, but its secret can ({cause})"
            )
            failure.operation, failure.__cause__ = operation, cause
        failure.cleartext = cleartext
        return failure

    async def _deliver(
        self,
        holder: object,
        key_id: str | None,
        cleartext: Secret[str],
        made: CreatedAccessKey | None,
    ) -> None:
        """Hand over a secret, or else tell of it when nobody reads it.

        Args:
            holder: The value or the error that has the secret.
            key_id: The key's id; None when it is not known.
            cleartext: The secret.
            made: What the call returns; None when its answer was damaged.
        """
        failure: DeliveryFailed | None = None
        if self.delivery is not None:
            try:
                await self.delivery.hand_over(cleartext, key_id, made)
            except DeliveryFailed as error:
                failure = error.with_traceback(None)
                holder = made or failure
            else:
                return
        watch(holder, asyncio.get_running_loop(), self._unclaimed(key_id, made, "unread"))
        if failure is not None:
            raise failure

    def _unclaimed(
        self,
        key_id: str | None,
        made: CreatedAccessKey | None,
        reason: Literal["unread", "pending"],
    ) -> Callable[[], None]:
        event = SecretUnclaimed(
            operation=f"access_key.{self.operation}",
            key_id=key_id,
            name=self.name if made is None else made.key.name,
            reason=reason,
        )
        return partial(_tell, ref(self.telemetry), event)

    def _unknown(
        self,
        attempt: Attempt,
        failure: DescopeError | None,
        result: object = None,
        *,
        is_interrupted: bool = False,
    ) -> OutcomeUnknown:
        """The error for an attempt that was sent, of which nobody knows what became.

        Args:
            attempt: The attempt.
            failure: Why nobody knows; None when the answer arrived.
            result: What arrived after a cancellation.
            is_interrupted: Whether the caller was cancelled.
        """
        operation = f"access_key.{self.operation}"
        reason = f" ({failure})" if failure is not None else ""
        unknown = OutcomeUnknown(
            f"{operation}: {self._advice(attempt.started_at, result)}{reason}", operation=operation
        )
        if failure is not None:
            unknown.status_code, unknown.request_id = failure.status_code, failure.request_id
            unknown.error_code = failure.error_code
            unknown.error_description = failure.error_description
            unknown.error_message = failure.error_message
        unknown.key_id, unknown.name, unknown.marker = self.key_id, self.name, self.marker
        unknown.started_at, unknown.result = attempt.started_at, result
        unknown.is_interrupted = is_interrupted
        unknown.__cause__ = failure
        return unknown

    def _advice(self, started_at: float, result: object) -> str:
        if result is not None:
            return "was cancelled, but done before that: store the secret in `result`"
        if self.key_id is not None:
            return (
                f"nobody knows whether the key {self.key_id} has a new secret; try the old one: if "
                "it is refused, the new one is lost, so rotate again, a minute from now at the "
                "earliest"
            )
        began = datetime.fromtimestamp(started_at, UTC).isoformat(timespec="seconds")
        mark = f" whose description ends in {self.marker!r}" if self.marker else ""
        return (
            f"nobody knows whether the key {self.name!r} was made; look for one{mark} made since "
            f"{began}: if there is one, its secret is lost, so rotate or delete it; if there is "
            "none, create it again"
        )


def _tell(telemetry: Callable[[], Telemetry | None], event: SecretUnclaimed) -> None:
    # The client may be gone, and with it its hooks.
    (telemetry() or UNHOOKED).tell(event)
