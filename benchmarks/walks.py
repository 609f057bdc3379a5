"""Through which modules a call goes, and how often it comes back: ``python -m benchmarks.walks``.

A room is a module, named by its path below the package. A walk has one step for each function that
is called; a coroutine or generator is a step when it starts, and none when it is resumed. Printed
for each way are: how many rooms it visits; how many changes of room there are from one step to the
next; and how many of these changes re-enter a room that was visited before.

Only Python functions in files of the package are seen: not what attrs and cattrs generate, and not
the libraries in between. Each walk is made by a client that has made one call before, so that what
it makes at first use is there, against a local Descope.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import logging
import re
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

from attrs import field, frozen

import descope_async.emulator
import descope_sync.emulator
from descope_async import ConnectionFailed, DescopeClient, NotFound, OutcomeUnknown
from descope_async.emulator import Fault

from .recorded_steps import Profile, Walk, recording

Call = Callable[[], Awaitable[object]]

PACKAGE: Final = Path(descope_async.__file__).parent
EMULATOR: Final = PACKAGE / "emulator"
#: It has a table of the ways, and how often each comes back to a room.
PAGE: Final = Path(__file__).parent.parent / "docs" / "architecture.md"
#: Seconds that the answer to a create takes, so that its caller can be cancelled before.
_DELAY: Final = 0.2
#: Seconds after which a client has surely noticed that its idle connection was closed.
_NOTICED: Final = 0.1


@frozen
class Scene:
    """What the ways need.

    Attributes:
        emulator: A local Descope that runs on another thread.
        client: The client whose calls are walks.
        helper: Another client, for what `client` must not know of.
        access_key: The secret of an access key.
        life: What is entered here is left after the walk.
    """

    emulator: descope_sync.emulator.Emulator
    client: DescopeClient
    helper: DescopeClient
    access_key: str = field(repr=False)
    life: AsyncExitStack


async def new_token(scene: Scene) -> Call:
    """A session token that the client has not seen, with the signing keys at hand."""
    await _exchange_once(scene)
    session = await scene.helper.exchange_access_key(scene.access_key)
    return lambda: scene.client.validate_session(session.jwt)


async def exchange(scene: Scene) -> Call:
    """An exchange over an open connection, with the signing keys at hand."""
    await _exchange_once(scene)
    return lambda: scene.client.exchange_access_key(scene.access_key)


async def not_found(scene: Scene) -> Call:
    """An answer 404, until the caller has the error."""
    await _manage(scene.client)
    return lambda: _fail_to_load(scene.client, NotFound)


async def refused_connection(scene: Scene) -> Call:
    """Connections that are refused at each attempt, until the caller has the error."""
    await _manage(scene.client)
    outage = await asyncio.to_thread(scene.emulator.refusing_connections)
    await asyncio.to_thread(outage.__enter__)
    scene.life.push_async_callback(asyncio.to_thread, outage.__exit__, None, None, None)
    await asyncio.sleep(_NOTICED)  # else the client may try a connection that was closed just now
    return lambda: _fail_to_load(scene.client, ConnectionFailed)


async def cancelled_create(scene: Scene) -> Call:
    """A create whose caller is cancelled while the answer is on its way."""
    await _manage(scene.client)
    creates = scene.emulator.requests.count("access_key.create")
    scene.emulator.faults.add(Fault("delay", "access_key.create", seconds=_DELAY))
    scene.life.callback(scene.emulator.faults.clear)

    async def call() -> None:
        task = asyncio.create_task(scene.client.mgmt.access_key.create("cancelled"))
        while scene.emulator.requests.count("access_key.create") == creates:  # noqa: ASYNC110 - the emulator, on another thread, sets no event
            await asyncio.sleep(_DELAY / 100)
        task.cancel()
        try:
            await task
        except (asyncio.CancelledError, OutcomeUnknown):
            return
        raise AssertionError("the create was over before it was cancelled")

    return call


async def first_token(scene: Scene) -> Call:
    """The first token of a new token source."""
    await _exchange_once(scene)
    return scene.client.token_source(scene.access_key).token


async def first_answer(scene: Scene) -> Call:
    """The first answer of a new verifier."""
    await _exchange_once(scene)
    verifier = scene.client.access_key_verifier()
    return lambda: verifier.verify(scene.access_key)


async def emulator_exchange(scene: Scene) -> Call:
    """An exchange as the emulator answers it, on the emulator's own thread."""
    scene.life.enter_context(Profile.of_threads())
    emulator = await scene.life.enter_async_context(descope_async.emulator.Emulator())
    client = await scene.life.enter_async_context(
        DescopeClient(emulator.project_id, emulator.management_key, base_url=emulator.base_url)
    )
    created = await client.mgmt.access_key.create("walk")
    await client.refresh_key_set()
    return lambda: client.exchange_access_key(created.cleartext)


WAYS: Final = {
    "new token": new_token,
    "exchange": exchange,
    "not found": not_found,
    "refused connection": refused_connection,
    "cancelled create": cancelled_create,
    "first token of a source": first_token,
    "first answer of a verifier": first_answer,
    "exchange in the emulator": emulator_exchange,
}


async def _exchange_once(scene: Scene) -> None:
    """Let the client fetch the signing keys, and make what it makes at first use."""
    other = {"custom_claims": {"first": True}}  # or the next token could be the same one
    await scene.client.exchange_access_key(scene.access_key, login_options=other)


async def _manage(client: DescopeClient) -> None:
    """Make a client's first management call, and await what it does in the background."""
    await client.mgmt.access_key.search_all_access_keys()
    background = asyncio.all_tasks() - {asyncio.current_task()}
    if background:
        await asyncio.wait(background)


async def _fail_to_load(client: DescopeClient, expected: type[Exception]) -> None:
    try:
        await client.mgmt.access_key.load("Kunknown")
    except expected:
        return
    raise AssertionError(f"a call was to fail with {expected.__name__}")


async def take(name: str, emulator: descope_sync.emulator.Emulator) -> Walk:
    """Walk one way, with new clients."""
    async with AsyncExitStack() as life:
        client, helper = [
            await life.enter_async_context(
                DescopeClient(
                    emulator.project_id,
                    emulator.management_key,
                    base_url=emulator.base_url,
                )
            )
            for _ in range(2)
        ]
        created = await helper.mgmt.access_key.create("walk")
        call = await WAYS[name](Scene(emulator, client, helper, created.cleartext, life))
        folders = (EMULATOR,) if WAYS[name] is emulator_exchange else (PACKAGE, EMULATOR)
        gc.collect()
        gc.disable()  # finalizers would be steps as well
        try:
            with recording(*folders) as steps:
                await call()
        finally:
            gc.enable()
    return Walk(tuple(steps))


def main() -> None:
    """Walk every way, and print the counts.

    Raises:
        SystemExit: A way was not the same the second time.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks.walks", description=__doc__)
    parser.add_argument(
        "--steps",
        choices=WAYS,
        action="append",
        default=[],
        help="print the steps of this way; may be repeated",
    )
    parser.add_argument(
        "--without",
        metavar="NAME",
        action="append",
        default=[],
        help="leave this room out, such as clock; may be repeated",
    )
    parser.add_argument(
        "--docs", action="store_true", help=f"write the re-entries into {PAGE.name}"
    )
    options = parser.parse_args()
    if options.docs and options.without:
        parser.error("the page counts every room")
    logging.getLogger("descope_async").addHandler(logging.NullHandler())  # failures are meant
    print(f"{'way':<28}{'rooms':>8}{'changes':>10}{'re-entries':>12}")
    with descope_sync.emulator.Emulator() as emulator:
        for name in WAYS:
            asyncio.run(take(name, emulator))  # imports what the way needs
            walk, again = [
                asyncio.run(take(name, emulator)).without(options.without) for _ in range(2)
            ]
            print(f"{name:<28}{walk.rooms:>8}{walk.changes:>10}{walk.re_entries:>12}")
            if name in options.steps:
                print(*(f"    {step.room:<24}{step.function}" for step in walk.steps), sep="\n")
            if walk != again:
                raise SystemExit(f"{name}: the second walk went another way")
            if options.docs:
                _write(name, walk.re_entries)


def _write(name: str, re_entries: int) -> None:
    """Replace the count of a way in the page."""
    text = PAGE.read_text()
    PAGE.write_text(
        re.sub(rf"^(\| {name} \|) \d+ \|", rf"\1 {re_entries} |", text, flags=re.MULTILINE)
    )


if __name__ == "__main__":
    main()
