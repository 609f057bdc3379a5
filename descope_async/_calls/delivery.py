"""What becomes of a new secret: it is stored, or it is told of when nobody has it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, Literal, TypeVar, cast
from weakref import ref

from attrs import frozen

from descope_async._runtime.callables import (
    TookTooLong,
    call_within,
    chain,
    is_being_closed,
    raised,
)
from descope_async._runtime.unclaimed import watch
from descope_async._values.secret import Secret
from descope_async.errors import (
    DeliveryFailed,
    DescopeError,
    RequestFailed,
    UnexpectedResponse,
)
from descope_async.errors._new_secrets import salvaged_in
from descope_async.events import SecretUnclaimed
from descope_async.events._telemetry import UNHOOKED, Telemetry
from descope_async.models import AccessKey, CreatedAccessKey, DeliveredSecret, secret_of
from descope_async.settings import Deliver

from .messages import Attempt
from .new_secret import NewSecret
from .salvage import with_secret

T = TypeVar("T")


@frozen(eq=False, repr=False)
class Delivery:
    """What is done with the new secret of a call.

    Attributes:
        asked: The secret that the caller asked for. It is that of the create also where a
            reconciliation rotates the key that the create has made.
        deliver: Stores it; None when nobody asked for that.
        within: Seconds that this may take.
        telemetry: Receives the event of a secret that nobody has.
    """

    asked: NewSecret
    deliver: Deliver | None
    within: float
    telemetry: Telemetry

    async def of(self, work: Callable[[Attempt], Coroutine[Any, Any, T]], attempt: Attempt) -> T:
        """The result of an attempt, after its secret was stored.

        Args:
            work: Makes the attempt.
            attempt: The attempt.

        Raises:
            DeliveryFailed: The secret came, but may not have been stored.
            DescopeError: The failure of the attempt. It has the secret if that came all the same.
        """
        result: T | None = None
        failure: DescopeError | None = None
        try:
            result = await work(attempt)
        except (UnexpectedResponse, RequestFailed) as error:
            body = attempt.arrived.partition(b"\r\n\r\n")[2]
            failure = with_secret(error.with_traceback(None), body, self.asked.call)
        finally:
            attempt.arrived.clear()  # frames may refer to it
        made = result if isinstance(result, CreatedAccessKey) else None
        if made is not None or salvaged_in(failure) is not None:
            undelivered = None
            if self.deliver is not None:
                undelivered = await self._hand_over(self.deliver, made, failure)
                failure = undelivered or failure
            if self.deliver is None or undelivered is not None:
                holder, key = made or failure, None if made is None else made.key
                tell = partial(_tell, ref(self.telemetry), self.asked, "unread", key)
                watch(holder, asyncio.get_running_loop(), tell)
        if failure is not None:
            raise failure
        return cast("T", result)

    def tell_pending(self) -> None:
        """Tell that nobody will learn whether there is a new secret."""
        _tell(ref(self.telemetry), self.asked, "pending")

    async def _hand_over(
        self, deliver: Deliver, made: CreatedAccessKey | None, failure: DescopeError | None
    ) -> DeliveryFailed | None:
        """Store a secret.

        Args:
            deliver: Stores it.
            made: What the call returns; None when its answer was damaged.
            failure: What has the secret then.

        Returns:
            The error for a secret that may not have been stored.
        """
        cleartext = secret_of(made) if made is not None else Secret(salvaged_in(failure) or "")
        secret = DeliveredSecret(
            cleartext=cleartext.reveal(),
            operation=self.asked.operation,
            key=None if made is None else made.key,
            key_id=self.asked.key_id if made is None else made.key.id,
            name=self.asked.name if made is None else made.key.name,
        )
        try:
            await call_within(self.within, deliver, secret)
        except TookTooLong:
            problem, cause = f"did not return within {self.within:g} seconds", None
        except BaseException as error:
            if isinstance(error, GeneratorExit) and is_being_closed():  # so nobody waits any more
                raise
            problem, cause = _told(error, cleartext)
        else:
            return None
        undelivered = DeliveryFailed(
            f"{self.asked.call}: there is a new secret for the key "
            f"{secret.key_id or repr(secret.name)}, but `deliver` {problem}: store the secret in "
            "`cleartext`",
            operation=self.asked.call,
        )
        undelivered.cleartext, undelivered.result = secret.cleartext, made
        undelivered.key_id, undelivered.name = secret.key_id, secret.name
        undelivered.__cause__ = cause
        return undelivered


def _tell(
    telemetry: Callable[[], Telemetry | None],
    new_secret: NewSecret,
    reason: Literal["unread", "pending"],
    key: AccessKey | None = None,
) -> None:
    """Tell of a secret that nobody has.

    Args:
        telemetry: The client's; None when the client is gone, and with it its hooks.
        new_secret: What was known of the secret before it came.
        reason: Why nobody has it.
        key: The key that it is for; None when its answer was damaged or did not come.
    """
    event = SecretUnclaimed(
        operation=new_secret.call,
        key_id=new_secret.key_id if key is None else key.id,
        name=new_secret.name if key is None else key.name,
        reason=reason,
    )
    (telemetry() or UNHOOKED).tell(event)


def _told(error: BaseException, cleartext: Secret[str]) -> tuple[str, BaseException | None]:
    """What an error says, and the error itself without its frames, which hold the secret.

    An error that shows the secret is left out.
    """
    problem = raised(error)
    try:
        said = str(error)
        shown = (f"{each} {each!r} {vars(each)}" for each in chain(error))
        if any(cleartext.reveal() in each for each in shown):
            return problem, None
    except Exception:  # noqa: BLE001 - an error of the user's may not even be printable
        return problem, None
    return f"{problem}: {said}", error
