"""Calls that must be carried out once, and whose secret must not be lost: create and rotate."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from types import MappingProxyType
from typing import Any, ClassVar, TypeVar, cast

from attrs import frozen

from descope_async._runtime.shield import shielded
from descope_async._runtime.unclaimed import awaiting_outcome
from descope_async.errors import DescopeError
from descope_async.errors._new_secrets import holds_secret

from .delivery import Delivery
from .messages import Attempt, Repeatable
from .new_secret import NewSecret
from .retry_rules import judge
from .salvage import salvaged, with_secret

T = TypeVar("T")


@frozen(eq=False, repr=False)
class Once(Repeatable):
    """How a create or a rotate is carried out: never twice, and without losing its secret.

    Attributes:
        new_secret: The secret that it makes.
        delivery: What becomes of that.
    """

    new_secret: NewSecret
    delivery: Delivery

    # This asks for a connection of its own too: one that was idle may just have been closed, and
    # then nobody knows what became of a request that was sent over it.
    must_happen_once = True
    # A coding that cannot be undone would take the secret with it.
    headers: ClassVar[Mapping[str, str]] = MappingProxyType({"Accept-Encoding": "identity"})

    async def carry_out(
        self,
        work: Callable[[Attempt], Coroutine[Any, Any, T]],
        outcomes: set[asyncio.Task[Any]],
        attempt: Attempt,
    ) -> T:
        """Make an attempt, which nothing interrupts from the moment at which it is sent.

        Args:
            work: Makes it, with nothing around that.
            outcomes: Tasks whose end the connections wait for before they are closed.
            attempt: Where to note what happens.
        """
        with awaiting_outcome(
            asyncio.get_running_loop(),
            lambda: self.delivery.tell_pending() if attempt.is_sent else None,
        ):
            ending = await shielded(self.delivery.of(work, attempt), attempt, outcomes)
        failure = ending.error
        if failure is not None and not isinstance(failure, DescopeError):  # Ctrl-C, or sys.exit
            if attempt.is_sent and isinstance(failure.__cause__, DescopeError):
                failure.__cause__ = self.new_secret.unknown(
                    attempt.started_at, failure.__cause__, is_interrupted=True
                )
            raise failure
        if ending.cancellation is None or holds_secret(failure):
            if failure is not None:
                raise failure
            return cast("T", ending.result)
        if failure is not None and not judge(failure, is_sent=attempt.is_sent).may_be_done:
            raise ending.cancellation
        raise self.new_secret.unknown(
            attempt.started_at, failure, ending.result, is_interrupted=True
        )

    def is_enough(self, body: bytes | bytearray) -> bool:
        """Whether the secret is in it."""
        return salvaged(body) is not None

    def searched(self, failure: DescopeError, body: bytes | bytearray) -> DescopeError:
        """The failure, or one with the secret, if the answer has that as a whole."""
        return with_secret(failure, body, self.new_secret.call)

    def unknown(self, failure: DescopeError, attempt: Attempt) -> DescopeError:
        """An unknown outcome, unless the failure has the secret."""
        if holds_secret(failure):
            return failure
        return self.new_secret.unknown(attempt.started_at, failure)
