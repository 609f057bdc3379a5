"""Hands a new secret to the callable that stores it, and keeps the secret when that fails."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, cast

from attrs import field, frozen

from descope_async._runtime.callables import TookTooLong, call_within
from descope_async._values.secret import Secret
from descope_async.errors import DeliveryFailed
from descope_async.models import CreatedAccessKey, DeliveredSecret
from descope_async.settings import Deliver


@frozen
class Delivery:
    """What is done with the new secret of a call.

    Attributes:
        deliver: Stores it.
        within: Seconds that this may take.
        operation: The call that the user made.
        name: The name of the key, where it is known before the call.
    """

    deliver: Deliver = field(repr=False)
    within: float
    operation: Literal["create", "rotate"]
    name: str | None = None

    async def hand_over(
        self, cleartext: Secret[str], key_id: str | None, result: CreatedAccessKey | None
    ) -> None:
        """Store a secret.

        Args:
            cleartext: The secret.
            key_id: The key's id; None when it is not known.
            result: What the call returns; None when its answer was damaged.

        Raises:
            DeliveryFailed: It may not have been stored.
        """
        secret = DeliveredSecret(
            cleartext=cleartext.reveal(),
            operation=self.operation,
            key=None if result is None else result.key,
            key_id=key_id if result is None else result.key.id,
            name=self.name if result is None else result.key.name,
        )
        try:
            await call_within(self.within, self.deliver, secret)
        except GeneratorExit:  # the loop was closed, and nobody waits any more
            raise
        except TookTooLong:
            problem, cause = f"did not return within {self.within:g} seconds", None
        except BaseException as error:  # noqa: BLE001 - whatever it is, it must not lose the secret
            problem, cause = _told(error, cleartext)
        else:
            return
        operation = f"access_key.{self.operation}"
        failure = DeliveryFailed(
            f"{operation}: there is a new secret for the key {secret.key_id or repr(secret.name)}, "
            f"but `deliver` {problem}: store the secret in `cleartext`",
            operation=operation,
        )
        failure.cleartext, failure.result = secret.cleartext, result
        failure.key_id, failure.name = secret.key_id, secret.name
        failure.__cause__ = cause
        raise failure


def _told(error: BaseException, cleartext: Secret[str]) -> tuple[str, BaseException | None]:
    """What an error says, and the error itself without its frames, which hold the secret.

    An error that shows the secret is left out.
    """
    where = traceback.extract_tb(error.__traceback__)[-1:]
    place = "".join(f" ({Path(frame.filename).name}:{frame.lineno})" for frame in where)
    problem = f"raised {type(error).__name__}{place}"
    chain = list(_chain(error))
    try:
        said = str(error)
        is_shown = any(cleartext.reveal() in f"{each} {each!r} {vars(each)}" for each in chain)
    except Exception:  # noqa: BLE001 - an error of the user's may not even be printable
        is_shown, said = True, ""
    if is_shown:
        return problem, None
    for each in chain:
        each.__traceback__ = None
    return f"{problem}: {said}", error


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An error and those that it came from, and the members of groups."""
    waiting, seen = [error], set[int]()
    while waiting:
        each = waiting.pop()
        if id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        waiting += [other for other in (each.__cause__, each.__context__) if other is not None]
        if isinstance(each, BaseExceptionGroup):
            waiting += cast("BaseExceptionGroup[BaseException]", each).exceptions
