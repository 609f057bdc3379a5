"""How an emulator comes to listen, and how it ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Final

import anyio.to_thread
from aiohttp import web
from attrs import field, frozen

from descope_async.emulator import arguments, controls, seed, set_up
from descope_async.emulator._faults.rules import Faults
from descope_async.emulator._memory.signing import ALGORITHMS, Algorithm, Signers
from descope_async.emulator._memory.state import State, restored, usable_id
from descope_async.emulator.clock import Clock
from descope_async.emulator.errors import EmulatorError
from descope_async.emulator.fields import Fields
from descope_async.emulator.instance import Instance
from descope_async.emulator.request_log import RequestLog

from .app import App, Server, Settings
from .certificates import new_certificate
from .control_door import ControlDoor
from .listener import Listener
from .listening import is_loopback, listen

_SHUTDOWN_SECONDS: Final = 2.0
_ROTATIONS: Final = range(366 * 24 * 3600 + 1)


@frozen(kw_only=True)
class Options:
    """What an emulator was constructed with, checked."""

    project_id: str | None
    management_key: str = field(repr=False)
    control_token: str = field(repr=False)
    host: str
    port: int
    data: Path | None
    seed: str | Path | Mapping[str, Any] | None = field(repr=False)
    unsafe_bind: bool
    token_lifetime: int
    signing_algorithm: Algorithm
    key_rotation: int
    tls: bool

    def __attrs_post_init__(self) -> None:
        arguments.text("host", self.host)  # an empty one would mean every address
        arguments.flag("unsafe_bind", self.unsafe_bind)
        arguments.flag("tls", self.tls)
        if not self.unsafe_bind and not is_loopback(self.host):
            raise EmulatorError(
                f"host {self.host} can be reached by other machines; use a loopback address, or "
                "allow it (--unsafe-bind; unsafe_bind=True in Python)"
            )
        if self.signing_algorithm not in ALGORITHMS:
            raise EmulatorError(f"signing_algorithm must be one of {', '.join(ALGORITHMS)}")
        if self.project_id is not None:
            usable_id(self.project_id)
        arguments.integer("port", self.port, range(2**16), "1 to 65535, or 0 for a free one")
        controls.token_lifetime(self.token_lifetime)
        arguments.integer(
            "key_rotation", self.key_rotation, _ROTATIONS, "0 for never, or seconds up to 366 days"
        )


@asynccontextmanager
async def running(
    options: Options, clock: Clock, requests: RequestLog, faults: Faults
) -> AsyncGenerator[tuple[Instance, Listener], None]:
    """An emulator that listens, and what it does so with.

    Raises:
        EmulatorError: The port is in use, or the data file or the seed cannot be used.
    """
    async with AsyncExitStack() as resources:
        bound = await anyio.to_thread.run_sync(listen, options.host, options.port)
        resources.callback(bound.close)
        certificate = None
        if options.tls:
            certificate = await anyio.to_thread.run_sync(new_certificate, options.host)
        state = await anyio.to_thread.run_sync(_open, options.data)
        resources.push_async_callback(state.aclose)
        instance = await _instance(state, options, clock, requests, faults)
        settings = Settings(any_host=options.unsafe_bind, token_lifetime=options.token_lifetime)
        app = App(instance, settings, ControlDoor(instance, options.control_token))
        server = Server(app, faults)
        runner = web.ServerRunner(server, shutdown_timeout=_SHUTDOWN_SECONDS)
        resources.push_async_callback(runner.cleanup)
        await runner.setup()
        listener = server.listener = Listener(bound, runner, certificate)
        resources.push_async_callback(listener.close)
        await listener.open()
        # Long enough to be worth doing before somebody waits for it, and not worth waiting for.
        signer = instance.signers.of(instance.project(None))
        resources.callback(asyncio.create_task(signer.prepare()).cancel)
        yield instance, listener


def _open(data: Path | None) -> State:
    return restored(data) if data else State(None)


async def _instance(
    state: State, options: Options, clock: Clock, requests: RequestLog, faults: Faults
) -> Instance:
    contents = Fields({})
    if options.seed is not None:
        contents = await anyio.to_thread.run_sync(seed.read, options.seed)
    project_id, author = await set_up.prepare(
        state, options.project_id, options.management_key, contents, clock.stamp()
    )
    return Instance(
        state=state,
        clock=clock,
        signers=Signers(options.signing_algorithm, clock, options.key_rotation),
        requests=requests,
        faults=faults,
        project_id=project_id,
        author=author,
    )
