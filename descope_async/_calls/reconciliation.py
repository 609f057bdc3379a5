"""What became of a change that went without an answer, and what to do about it."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Final

from descope_async._runtime.clock import Clock
from descope_async._runtime.unclaimed import take
from descope_async._values.secret import Secret
from descope_async.errors import (
    DeadlineExceeded,
    DescopeError,
    OutcomeUnknown,
)
from descope_async.errors._new_secrets import holds_secret
from descope_async.events import TwinKeysFound
from descope_async.events._telemetry import UNHOOKED, Telemetry
from descope_async.models import AccessKey, AccessKeyLoginOptions, CreatedAccessKey, secret_of

from .retry_rules import REFUSALS, stretched

#: Seconds to wait before each look for a key that may have been made.
_LOOKS: Final = (2.0, 5.0, 10.0)
#: Seconds after which a request that went without an answer is not carried out any more.
_HORIZON: Final = 60.0
#: Seconds after which nothing more is begun.
_DEADLINE: Final = 240.0
_ROTATIONS: Final = 3
#: Makes the key with a marker, or gives the key of an id a new secret.
OnceFor = Callable[[str], Awaitable[CreatedAccessKey]]


class Reconciliation:
    """Finds out whether a create or rotate happened, and recovers the key.

    Args:
        load: Loads a key.
        search: Finds the keys in which a text occurs, or all.
        exchange: Makes a token from an access key.
        clock: The time source, which also waits.
        looks: Seconds to wait before each look for a key.
        horizon: Seconds after which a request is not carried out any more.
        telemetry: Receives the events.
    """

    def __init__(
        self,
        load: Callable[[str], Awaitable[AccessKey]],
        search: Callable[..., Awaitable[list[AccessKey]]],
        exchange: Callable[[Secret[str], AccessKeyLoginOptions], Awaitable[object]],
        clock: Clock,
        *,
        looks: Sequence[float] = _LOOKS,
        horizon: float = _HORIZON,
        telemetry: Telemetry = UNHOOKED,
    ) -> None:
        self._load = load
        self._search = search
        self._exchange = exchange
        self._clock = clock
        self._looks = looks
        self._horizon = horizon
        self._telemetry = telemetry

    async def create(
        self,
        create: OnceFor,
        rotate: OnceFor,
    ) -> CreatedAccessKey:
        """Make a key; if nobody knows whether that was done, find the key or make it again.

        Args:
            create: Makes the key once, with a marker at the end of its description.
            rotate: Gives a key a new secret, once.

        Raises:
            OutcomeUnknown: It could not be found out, or there is a key without a known secret.
        """
        marker = f"op:{secrets.token_hex(12)}"
        until = self._clock.running() + _DEADLINE
        try:
            return await create(marker)
        except OutcomeUnknown as error:
            if error.is_interrupted:
                raise
            unknown = error.with_traceback(None)
        return await _settled(unknown, self._find_or_create(create, rotate, marker, unknown, until))

    async def rotate(self, key_id: str, rotate: OnceFor) -> CreatedAccessKey:
        """Give a key a new secret; if nobody knows whether that was done, once more.

        Args:
            key_id: The key.
            rotate: Gives a key a new secret, once.

        Raises:
            OutcomeUnknown: It cannot be told which secret the key has.
        """
        until = self._clock.running() + _DEADLINE
        try:
            return await rotate(key_id)
        except OutcomeUnknown as error:
            if error.is_interrupted:
                raise
            unknown = error.with_traceback(None)
        return await _settled(unknown, self._rotate_again(key_id, rotate, unknown, until))

    async def _find_or_create(
        self,
        create: OnceFor,
        rotate: OnceFor,
        marker: str,
        unknown: OutcomeUnknown,
        until: float,
    ) -> CreatedAccessKey:
        if found := await self._look_for(marker, until):
            return await self._recover(found, rotate, unknown, until)
        try:
            unknown.result = created = await create(marker)
        except OutcomeUnknown as error:
            if error.is_interrupted:
                raise
        else:
            await self._report_twins(marker, created.key)
            return created
        if found := await self._look_for(marker, until):
            return await self._recover(found, rotate, unknown, until)
        raise unknown

    async def _look_for(self, marker: str, until: float) -> list[AccessKey]:
        """The keys with the marker, the newest first, once there are any."""
        failure: DescopeError | None = None
        for number, seconds in enumerate(self._looks, 1):
            await self._wait(seconds, until)
            try:
                found = await self._marked(marker, everywhere=number == len(self._looks))
            except DescopeError as error:
                failure = error
                continue
            failure = None
            if found:
                return found
        if failure is not None:
            raise failure
        return []

    async def _marked(self, marker: str, *, everywhere: bool) -> list[AccessKey]:
        def matching(keys: list[AccessKey]) -> list[AccessKey]:
            ours = [key for key in keys if key.description.split(" ")[-1] == marker]
            return sorted(ours, key=lambda key: key.created_time, reverse=True)

        found = matching(await self._search(text=marker))
        # The documentation does not say in which fields a text is looked for.
        return found or (matching(await self._search()) if everywhere else [])

    async def _recover(
        self,
        found: list[AccessKey],
        rotate: OnceFor,
        unknown: OutcomeUnknown,
        until: float,
    ) -> CreatedAccessKey:
        """Give the newest a secret that is known."""
        newest = found[0]
        unknown.key_id = newest.id
        self._report(found[1:], newest)
        try:
            unknown.result = created = await rotate(newest.id)
        except OutcomeUnknown as error:
            if error.is_interrupted:
                raise
        else:
            if await self._works(created):
                return created
        return await self._rotate_again(newest.id, rotate, unknown, until)

    async def _rotate_again(
        self,
        key_id: str,
        rotate: OnceFor,
        unknown: OutcomeUnknown,
        until: float,
    ) -> CreatedAccessKey:
        for _ in range(_ROTATIONS):
            await self._wait(self._horizon, until)
            take(unknown.result)  # the next rotation ends its secret, so nobody need read it
            unknown.result = None
            try:
                unknown.result = created = await rotate(key_id)
            except OutcomeUnknown as error:
                if error.is_interrupted:
                    raise
                continue
            if await self._works(created):
                return created
        raise unknown

    async def _works(self, created: CreatedAccessKey) -> bool:
        """Whether a secret is the one that its key has, as far as can be told."""
        if created.key.permitted_ips:
            return True  # this machine may not be among them, so an exchange would prove nothing
        try:
            await self._exchange(secret_of(created), AccessKeyLoginOptions())
        except REFUSALS:
            return False
        except DescopeError:
            return True
        return True

    async def _report_twins(self, marker: str, key: AccessKey) -> None:
        with suppress(DescopeError):
            found = await self._marked(marker, everywhere=False)
            self._report([each for each in found if each.id != key.id], key)

    def _report(self, twins: Sequence[AccessKey], kept: AccessKey) -> None:
        if twins:
            ids = ", ".join(key.id for key in twins)
            self._telemetry.tell(TwinKeysFound(kept=kept.id, twins=ids))

    async def _wait(self, seconds: float, until: float) -> None:
        wait = stretched(seconds, self._clock.draw)
        if self._clock.running() + wait > until:
            raise DeadlineExceeded(
                "there is no time left to find out what became of it", may_be_done=True
            )
        await self._clock.sleep(wait)


async def _settled(unknown: OutcomeUnknown, work: Awaitable[CreatedAccessKey]) -> CreatedAccessKey:
    """The result of the work, or else the unknown outcome, whatever ends the work."""
    try:
        return await work
    except OutcomeUnknown:
        raise
    except DescopeError as error:
        if holds_secret(error):
            raise
        unknown.__cause__ = error.with_traceback(None)
    except asyncio.CancelledError:
        unknown.is_interrupted = True
    raise unknown
