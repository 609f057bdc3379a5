"""Every call through every fault: how it ends, and what the local Descope holds afterwards."""

from __future__ import annotations

import asyncio
import math
import ssl
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import cache, partial
from typing import Any, Final

import anyio
import anyio.to_thread
from attrs import evolve, frozen

from descope_async import (
    ApiError,
    DescopeClient,
    DescopeError,
    OutcomeUnknown,
    RequestFailed,
    Unauthorized,
)
from descope_async.emulator import Emulator, Fault
from descope_sync import DescopeClient as BlockingClient
from tests.quick_time import QuickTime

from .cases import CASES, Case, Outcome, Proof
from .operations import ROUNDS, Client, Operation, Subject

#: Seconds after its deadline at which a call hangs, on a machine that is busy.
_GRACE: Final = 20.0
_DEADLINE: Final = 60.0


@frozen
class Cell:
    """What came of an operation and a fault.

    Attributes:
        case: What went wrong.
        operation: What was called.
        mode: Whether it went wrong once or always.
        outcome: How the call ended.
        problems: What must not be.
    """

    case: Case
    operation: Operation
    mode: str
    outcome: Outcome
    problems: Sequence[str]


async def run(*, blocking: bool, cases: Iterable[Case] = CASES) -> list[Cell]:
    """All cells.

    Args:
        blocking: Whether to call `descope_sync`.
        cases: What is to go wrong.
    """
    plays = [
        (case, mode, operations) for case in cases for mode in case.modes for operations in ROUNDS
    ]

    async def alone(case: Case, mode: str, operations: Sequence[Operation]) -> list[Cell]:
        async with _stage(blocking, tls=case.place == "tls") as stage:
            return await stage.play(case, mode, operations)

    # What waits in earnest waits together, and has the machine for itself.
    waiting = (alone(*play) for play in plays if play[0].takes_time)
    cells = [cell for found in await asyncio.gather(*waiting) for cell in found]
    async with _stage(blocking) as stage:
        for case, mode, operations in plays:
            if case.place == "tls":
                cells += await alone(case, mode, operations)
            elif not case.takes_time:
                cells += await stage.play(case, mode, operations)
    return cells


@asynccontextmanager
async def _stage(blocking: bool, *, tls: bool = False) -> AsyncIterator[Stage]:
    # Tokens outlive the hour that a rate limit may ask a client to wait.
    async with Emulator(signing_algorithm="ES256", token_lifetime=86_400, tls=tls) as emulator:
        context = ssl.create_default_context(cadata=emulator.certificate) if tls else None
        async with DescopeClient(
            emulator.project_id, emulator.management_key, base_url=emulator.base_url, ssl=context
        ) as checker:
            created = await checker.mgmt.access_key.create("standing")
            yield Stage(emulator, checker, created.key.id, blocking)


@frozen
class _Actor:
    """One client with one call to make.

    Attributes:
        operation: The call.
        subject: What it is about.
        client: The client, of either package.
        core: The client that does the work.
        clock: The client's time.
    """

    operation: Operation
    subject: Subject
    client: Client
    core: DescopeClient
    clock: QuickTime

    @classmethod
    def of(
        cls,
        operation: Operation,
        subject: Subject,
        client: DescopeClient | BlockingClient,
        clock: QuickTime,
    ) -> _Actor:
        core = client._async if isinstance(client, BlockingClient) else client  # noqa: SLF001 - for its license
        core._license._ask_at = math.inf  # noqa: SLF001 - its request would be struck in place of another
        return cls(operation, subject, client, core, clock)

    async def act(self, call: Callable[[Client, Subject], Any] | None = None) -> Any:
        """Make the call, or another."""
        make = partial(call or self.operation.call, self.client, self.subject)
        if isinstance(self.client, BlockingClient):
            return await anyio.to_thread.run_sync(make, limiter=_threads())
        return await make()

    async def end(self, case: Case) -> _Ending:
        """Make the call, and see how it ends."""
        started = time.monotonic()
        result: Any
        try:
            result = await self.act()
        except DescopeError as error:
            result = error
        seconds = time.monotonic() - started
        problems: list[str] = []
        limit = case.timeouts["deadline"] if case.timeouts else _DEADLINE
        if self.operation.reconciles:
            limit *= 4  # it is made of so many calls
        if seconds > limit + _GRACE:
            problems.append(f"it took {seconds:.0f} s")
        failure = result if isinstance(result, DescopeError) else None
        if failure is not None and not self.operation.reconciles:
            problems += _flaws(failure, case)
        attempts = failure.attempts if failure else len(self.clock.slept) + 1
        outcome = Outcome(
            type(failure) if failure else None,
            None if self.operation.reconciles else attempts,
            has_secret=secret_of(result) is not None,
        )
        return _Ending(outcome, result, problems)


@frozen
class _Ending:
    """How a call ended.

    Attributes:
        outcome: In short.
        result: What it returned or raised.
        problems: What must not be.
    """

    outcome: Outcome
    result: Any
    problems: list[str]


def _flaws(failure: DescopeError, case: Case) -> list[str]:
    """What an error says that is not so."""
    flaws: list[str] = []
    may_be_done = case.proof in {Proof.UNKNOWN, Proof.FINAL_UNKNOWN}
    if case.is_race:
        return flaws
    if isinstance(failure, RequestFailed) and failure.may_be_done == (
        case.place in {"refused", "dns", "tls"}
    ):
        flaws.append(f"it says may_be_done={failure.may_be_done}")
    if isinstance(failure, ApiError) and failure.may_be_done != may_be_done:
        flaws.append(f"it says may_be_done={failure.may_be_done}")
    return flaws


@frozen
class Stage:
    """A local Descope, and a client that nothing goes wrong with.

    Attributes:
        emulator: The local Descope.
        checker: The client.
        standing: A key that nothing is done to.
        blocking: Whether `descope_sync` is called.
    """

    emulator: Emulator
    checker: DescopeClient
    standing: str
    blocking: bool

    async def play(self, case: Case, mode: str, operations: Sequence[Operation]) -> list[Cell]:
        """What comes of operations that are called at once, and a fault."""
        async with AsyncExitStack() as open_clients:
            actors = [await self._actor(case, each, open_clients) for each in operations]
            # What strikes connections strikes the first that comes.
            at_once = mode == "always" or case.place == "operation"
            runs = [actors] if at_once else [[actor] for actor in actors]
            endings = [each for group in runs for each in await self._strike(case, mode, group)]
            ended = list(zip(actors, endings, strict=True))
            if case.place not in {"tls", "dns"}:
                await asyncio.gather(*(self._follow_up(*each) for each in ended))
            keys = (await self.emulator.snapshot())["accessKeys"]
            for actor, ending in ended:
                ending.problems.extend(await self._state(case, actor, keys, ending))
            # Few keys, so that none but the calls themselves take their time.
            await self.checker.mgmt.access_key.delete_batch(
                [each["id"] for each in keys if each["id"] != self.standing]
            )
        return [
            Cell(case, actor.operation, mode, ending.outcome, ending.problems)
            for actor, ending in ended
        ]

    async def _actor(
        self, case: Case, operation: Operation, open_clients: AsyncExitStack
    ) -> _Actor:
        keys = self.checker.mgmt.access_key
        created = await keys.create(operation.name)
        token = ""
        if operation.name == "key_set":
            token = (await self.checker.exchange_access_key(created.cleartext)).jwt
        if operation.inactive:
            await keys.deactivate(created.key.id)
        subject = Subject(created.key.id, created.key.id, created.cleartext, token)
        clock = QuickTime()
        client = await self._client(case, operation, clock, open_clients)
        actor = _Actor.of(operation, subject, client, clock)
        if case.proof is Proof.STALE:
            await actor.act(lambda client, _: client.mgmt.access_key.load(self.standing))
        return actor

    async def _client(
        self, case: Case, operation: Operation, clock: QuickTime, open_clients: AsyncExitStack
    ) -> DescopeClient | BlockingClient:
        emulator = self.emulator
        options: Any = {
            "base_url": "https://descope.invalid" if case.place == "dns" else emulator.base_url,
            "timeouts": case.timeouts,
            "clock": clock,
            "issuers": [f"{emulator.base_url}/v1/apps/{emulator.project_id}"],
        }
        if operation.reconciles and case.takes_time:
            options["retries"] = {"attempts": 1}  # else it would take minutes
        account = (emulator.project_id, emulator.management_key)
        if not self.blocking:
            return await open_clients.enter_async_context(DescopeClient(*account, **options))
        blocking = BlockingClient(*account, **options)
        open_clients.push_async_callback(anyio.to_thread.run_sync, blocking.close)
        return blocking

    async def _strike(self, case: Case, mode: str, actors: Sequence[_Actor]) -> list[_Ending]:
        """The calls, and how they end."""
        faults = self.emulator.faults
        async with AsyncExitStack() as stack:
            if case.place == "refused":
                await stack.enter_async_context(self.emulator.refusing_connections())
                if mode == "once":
                    _end_at_first_wait(actors[0], stack)
            elif case.fault is not None:
                for rule in _rules(case, case.fault, mode, actors):
                    faults.add(rule)
            names = {actor.operation.name for actor in actors}
            before = {name: self.emulator.requests.count(name) for name in names}
            found = await asyncio.gather(*(actor.end(case) for actor in actors))
        self._compare(case, actors, found, before)
        faults.clear()
        return found

    def _compare(
        self,
        case: Case,
        actors: Sequence[_Actor],
        endings: Sequence[_Ending],
        before: Mapping[str, int],
    ) -> None:
        """Compare what was struck, and what has arrived, with what callers were told."""
        for actor, ending in zip(actors, endings, strict=True):
            name, told = actor.operation.name, ending.outcome.attempts
            if told is not None and case.place == "operation":
                came = self.emulator.requests.count(name) - before[name]
                # What goes over a stale connection arrives here, and is not counted there.
                if came != told + (case.proof is Proof.STALE and not actor.operation.is_once):
                    ending.problems.append(f"{came} requests came, it says {told}")
        for rule in self.emulator.faults:
            # What must not be repeated never goes over an idle connection.
            spared = case.proof is Proof.STALE and all(
                each.operation.is_once
                for each in actors
                if rule.fault.operation in {None, each.operation.name}
            )
            if spared != (rule.struck == 0):
                endings[0].problems.append(f"{rule} has{' not' * (not spared)} struck")

    async def _follow_up(self, actor: _Actor, ending: _Ending) -> None:
        """Another call of the same client, to see whether it is still of use."""
        if isinstance(ending.result, DescopeError):
            actor.clock.time.advance(ending.result.retry_after or 0)
        again = actor.operation.name in {"exchange", "key_set"}
        try:
            await actor.act(
                None if again else lambda client, _: client.mgmt.access_key.load(self.standing)
            )
        except DescopeError as error:
            ending.problems.append(f"the next call failed: {error!r}")

    async def _state(
        self, case: Case, actor: _Actor, keys: list[Any], ending: _Ending
    ) -> list[str]:
        """What is wrong with what the local Descope holds now."""
        operation, subject = actor.operation, actor.subject
        is_done = ending.outcome.error is None or (case.commits and case.place == "operation")
        negation = " not" if is_done else ""
        problems: list[str] = []
        key = next((each for each in keys if each["id"] == subject.key_id), None)
        if operation.is_done is not None and operation.is_done(key) != is_done:
            problems.append(f"it was{negation} done")
        if not operation.is_once:
            return problems
        handed_out = secret_of(ending.result)
        if handed_out is not None and not await self._works(handed_out):
            problems.append("the secret that was handed out does not work")
        if operation.name == "access_key.create":
            made = sum(each["name"] == f"{subject.name}-made" for each in keys)
            if made != is_done:
                problems.append(f"there are {made} keys")
        elif await self._works(subject.secret) == is_done:
            problems.append(f"it was{negation} rotated")
        if is_done and handed_out is None and not isinstance(ending.result, OutcomeUnknown):
            problems.append("nobody was told that there is a secret")
        return problems

    async def _works(self, secret: str) -> bool:
        try:
            await self.checker.exchange_access_key(secret)
        except Unauthorized:
            return False
        return True


def secret_of(result: Any) -> str | None:
    """The secret that a call has handed out, in what it returned or raised."""
    cleartext = getattr(result, "cleartext", None)
    return cleartext if isinstance(cleartext, str) else None


def _rules(case: Case, fault: Fault, mode: str, actors: Sequence[_Actor]) -> Iterator[Fault]:
    """What the local Descope is told."""
    times = 1 if mode == "once" else None
    if case.place == "connect":
        yield evolve(fault, operation="connect", times=times)
    elif mode == "always":
        yield fault  # all that anybody asks for
    else:
        for actor in actors:
            yield evolve(fault, operation=actor.operation.name, times=times)


def _end_at_first_wait(actor: _Actor, trouble: AsyncExitStack) -> None:
    """End the trouble when the client pauses for the first time, on its own loop or another."""
    here = asyncio.get_running_loop()

    async def pause(_: float) -> None:
        ended = asyncio.run_coroutine_threadsafe(trouble.aclose(), here)
        await asyncio.wrap_future(ended)

    actor.clock.at_pause = pause


@cache
def _threads() -> anyio.CapacityLimiter:
    return anyio.CapacityLimiter(1000)
