"""Running: how an emulator starts to listen, and how it ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final

import anyio.to_thread
from aiohttp import web

from descope_async.emulator import _seed as seed
from descope_async.emulator import _setting_up as set_up
from descope_async.emulator._faults.matching import Faults
from descope_async.emulator._fields import Fields
from descope_async.emulator._instance import Instance
from descope_async.emulator._memory.signing_keys import Signers
from descope_async.emulator._memory.state import State, restored
from descope_async.emulator._rate_limits import RateLimits
from descope_async.emulator.clock import Clock
from descope_async.emulator.request_log import RequestLog

from .addresses import url_of
from .certificates import new_certificate
from .control_door import ControlDoor
from .dispatch import Dispatch
from .listener import Listener, listen
from .options import Options
from .server import Server

_SHUTDOWN_SECONDS: Final = 2.0


@asynccontextmanager
async def running(
    options: Options, clock: Clock, requests: RequestLog, faults: Faults
) -> AsyncGenerator[tuple[Instance, Listener], None]:
    """Let an emulator listen while the block runs.

    Args:
        options: What it was constructed with.
        clock: Its time.
        requests: What it logs its requests in.
        faults: By which rules its requests go wrong.

    Yields:
        The emulator, and what accepts its connections.


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
        base_url = url_of(bound, tls=options.tls)
        instance = await _instance(state, options, base_url, clock, requests, faults)
        dispatch = Dispatch(
            instance,
            ControlDoor(instance, options.control_token),
            any_host=options.unsafe_bind,
            token_lifetime=options.token_lifetime,
        )
        server = Server(dispatch.answer, faults)
        runner = web.ServerRunner(server, shutdown_timeout=_SHUTDOWN_SECONDS)
        resources.push_async_callback(runner.cleanup)
        await runner.setup()
        listener = server.listener = Listener(bound, runner, certificate)
        resources.push_async_callback(listener.close)
        await listener.open()
        # Making a key takes a while, so it begins before the first request needs the key.
        resources.callback(asyncio.create_task(_make_signing_key(instance)).cancel)
        yield instance, listener


async def _make_signing_key(instance: Instance) -> None:
    mark = instance.state.mark
    await instance.signers.of(instance.first_project).ready()
    await instance.state.settle(mark)


def _open(data: Path | None) -> State:
    return restored(data) if data else State(None)


async def _instance(
    state: State,
    options: Options,
    base_url: str,
    clock: Clock,
    requests: RequestLog,
    faults: Faults,
) -> Instance:
    contents = Fields({})
    if options.seed is not None:
        contents = await anyio.to_thread.run_sync(seed.read, options.seed)
    project_id, author, management_key = await set_up.prepare(
        state, options.project_id, options.management_key, contents, clock.stamp(), options.strict
    )
    rate_limits = RateLimits()
    rate_limits.enabled = options.rate_limits
    return Instance(
        state=state,
        clock=clock,
        signers=Signers(options.signing_algorithm, clock, options.key_rotation),
        requests=requests,
        faults=faults,
        rate_limits=rate_limits,
        strict=options.strict,
        project_id=project_id,
        base_url=base_url,
        author=author,
        management_key=management_key,
    )
