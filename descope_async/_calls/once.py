"""Calls that must be carried out once, and whose secret must not be lost."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from datetime import UTC, datetime
from functools import partial
from types import MappingProxyType
from typing import Any, Final, Literal, Protocol, TypeVar, cast
from weakref import ref

from attrs import frozen

from descope_async._runtime.shield import shielded
from descope_async._runtime.unclaimed import await_outcome, outcome_known, watch
from descope_async._values.secret import Secret
from descope_async.errors import (
    ClientClosed,
    DeliveryFailed,
    DescopeError,
    OutcomeUnknown,
    UnexpectedResponse,
)
from descope_async.errors._new_secrets import holds_secret, salvaged_in
from descope_async.events import SecretUnclaimed
from descope_async.events._telemetry import UNHOOKED, Telemetry
from descope_async.models import CreatedAccessKey, secret_of

from .attempts import Attempt
from .delivery import Delivery
from .retry_rules import judge

T = TypeVar("T")

#: Strings and runs of brackets, in JSON that may be cut off anywhere.
_TOKEN: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+"?+|[{\[]++|[}\]]++', re.DOTALL)
_NAME: Final = b'"cleartext"'
#: The value behind a name, if it is a string that is there as a whole.
_VALUE: Final = re.compile(rb'\s*+:\s*+("(?:[^"\\]++|\\.)*+")', re.DOTALL)


class Outcomes(Protocol):
    """What an event loop has of a client: the work whose end it waits for."""

    outcomes: set[Any]


class Repeatable:
    """How a call is carried out that may be carried out twice.

    Attributes:
        key_id: The access key that gets a new secret; None for most calls.
        name: The name of the access key that is made; None for most calls.
        needs_own_connection: Whether an attempt must not go over a connection that has been idle.
        headers: What its requests say beside what all say.
    """

    key_id: str | None = None
    name: str | None = None
    needs_own_connection: bool = False
    headers: Mapping[str, str] = MappingProxyType({})

    def carry_out(
        self,
        work: Callable[[Attempt], Coroutine[Any, Any, T]],
        attempt: Attempt,
        pool: Outcomes,  # noqa: ARG002 - for the calls that must happen once
    ) -> Awaitable[T]:
        """Make an attempt.

        Args:
            work: Makes it.
            attempt: The attempt.
            pool: Where it is made.
        """
        return work(attempt)

    def is_enough(self, body: bytes | bytearray) -> bool:  # noqa: ARG002 - as above
        """Whether an answer that was cut off has what matters."""
        return False

    def salvage(self, failure: DescopeError, body: bytes | bytearray) -> None:
        """Put into a failure what must not be lost of the answer behind it."""

    def may_repeat(self, failure: DescopeError) -> bool:  # noqa: ARG002 - as above
        """Whether it may be carried out again after this failure."""
        return True

    def ended(self, failure: DescopeError, attempt: Attempt) -> DescopeError:  # noqa: ARG002 - as above
        """What to raise for a failure after which there is no other attempt."""
        return failure


#: Most calls are.
REPEATABLE: Final = Repeatable()


@frozen(kw_only=True)
class Once(Repeatable):
    """How a create or a rotate is carried out: never twice, and without losing its secret.

    Attributes:
        operation: What is done.
        key_id: The access key that gets a new secret; None when a key is made.
        name: The name of the access key that is made; None when one gets a new secret.
        marker: What its description ends in, to find it by; None for nothing.
        delivery: Hands over the new secret; None when nobody asked for that.
        telemetry: Is told of a secret that nobody reads.
    """

    operation: Literal["create", "rotate"]
    key_id: str | None = None
    name: str | None = None
    marker: str | None = None
    delivery: Delivery | None = None
    telemetry: Telemetry = UNHOOKED

    # A connection that was idle may just have been closed, and then nobody knows what became of a
    # request that was sent over it.
    needs_own_connection = True
    # A coding that cannot be undone would take the secret with it.
    headers = MappingProxyType({"Accept-Encoding": "identity"})

    async def carry_out(
        self,
        work: Callable[[Attempt], Coroutine[Any, Any, T]],
        attempt: Attempt,
        pool: Outcomes,
    ) -> T:
        """Make an attempt that nothing interrupts from the moment at which it is sent.

        Args:
            work: Makes it.
            attempt: The attempt.
            pool: Waits for its outcome before it closes.
        """
        loop = asyncio.get_running_loop()
        tell = self._unclaimed(self.key_id, None, "pending")
        pending = await_outcome(loop, lambda: tell() if attempt.is_sent else None)
        try:
            ending = await shielded(
                self._delivered(work(attempt)), lambda: attempt.is_sent, pool.outcomes
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
                failure.__cause__ = self._unknown(attempt, failure.__cause__, interrupted=True)
            raise failure
        if ending.cancellation is None or holds_secret(failure):
            if failure is not None:
                raise failure
            return cast("T", ending.result)
        if failure is not None and not self._may_be_done(failure, attempt):
            raise ending.cancellation
        raise self._unknown(attempt, failure, ending.result, interrupted=True)

    def is_enough(self, body: bytes | bytearray) -> bool:
        """Whether the secret is in it."""
        return salvaged(body) is not None

    def salvage(self, failure: DescopeError, body: bytes | bytearray) -> None:
        """Put the secret into the failure, if the answer has it as a whole."""
        if isinstance(failure, UnexpectedResponse):
            failure.cleartext = salvaged(body)

    def may_repeat(self, failure: DescopeError) -> bool:
        """Whether the service has surely done nothing."""
        return not judge(failure).may_be_done

    def ended(self, failure: DescopeError, attempt: Attempt) -> DescopeError:
        """An unknown outcome, unless the failure has the secret or proves that nothing was done."""
        if holds_secret(failure) or not self._may_be_done(failure, attempt):
            return failure
        return self._unknown(attempt, failure)

    async def _delivered(self, work: Coroutine[Any, Any, T]) -> T:
        """The result of the work, after its secret was delivered."""
        try:
            made = await work
        except UnexpectedResponse as error:
            failure = error.with_traceback(None)
        else:
            if isinstance(made, CreatedAccessKey):
                await self._deliver(made, made.key.id, secret_of(made), made)
            return made
        cleartext = salvaged_in(failure)
        if cleartext is not None:
            await self._deliver(failure, self.key_id, Secret(cleartext), None)
        raise failure

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

    def _may_be_done(self, failure: DescopeError, attempt: Attempt) -> bool:
        is_cut_short = isinstance(failure, ClientClosed) and attempt.is_sent
        return is_cut_short or judge(failure).may_be_done

    def _unknown(
        self,
        attempt: Attempt,
        failure: DescopeError | None,
        result: object = None,
        *,
        interrupted: bool = False,
    ) -> OutcomeUnknown:
        """The error for an attempt that was sent, of which nobody knows what became.

        Args:
            attempt: The attempt.
            failure: Why nobody knows; None when the answer arrived.
            result: What arrived after a cancellation.
            interrupted: Whether the caller was cancelled.
        """
        operation = f"access_key.{self.operation}"
        reason = f" ({failure})" if failure is not None else ""
        said = failure or DescopeError("")
        unknown = OutcomeUnknown(
            f"{operation}: {self._advice(attempt.started_at, result)}{reason}",
            operation=operation,
            status_code=said.status_code,
            error_code=said.error_code,
            error_description=said.error_description,
            error_message=said.error_message,
            request_id=said.request_id,
        )
        unknown.key_id, unknown.name, unknown.marker = self.key_id, self.name, self.marker
        unknown.started_at, unknown.result = attempt.started_at, result
        unknown.interrupted = interrupted
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


def salvaged(body: bytes | bytearray) -> str | None:
    """The secret of a new key in an answer that is damaged; None when it is not there as a whole.

    Only a member of the outermost object counts: a claim of the key may have the same name.
    """
    depth = 0
    for token in _TOKEN.finditer(body, 0, body.rfind(_NAME) + len(_NAME)):
        first, length = body[token.start()], token.end() - token.start()
        if first in b"{[":
            depth += length
        elif first in b"}]":
            depth -= length
        elif depth == 1 and length == len(_NAME) and token[0] == _NAME:
            value = _VALUE.match(body, token.end())
            if value is not None and (secret := _text(value[1])):
                return secret
    return None


def _text(string: bytes) -> str | None:
    try:
        return str(json.loads(string.decode()))
    except ValueError:
        return None
