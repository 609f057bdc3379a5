"""What every ASGI application is served with: refusals, and the end of a WebSocket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, suppress
from typing import Any, Final, TypeAlias
from urllib.parse import quote

from descope_async import DescopeError

from .admission import Refusal

__all__ = [
    "EXPIRED",
    "POLICY_VIOLATION",
    "App",
    "Message",
    "Receive",
    "Scope",
    "Send",
    "can_deny",
    "live",
    "refuse",
    "requested_url",
    "serve_for",
]

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
App: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]

#: The WebSocket code for a policy that is violated (RFC 6455, 7.4.1).
POLICY_VIOLATION: Final = 1008
EXPIRED: Final = "the token has expired"


def requested_url(scope: Scope, origin: str | None) -> str:
    """The URL that a proof must name. An unusable one fits no proof.

    Args:
        scope: The scope of the request.
        origin: Scheme and host as callers know them; None for those of the request.
    """
    raw: bytes | None = scope.get("raw_path")
    path = quote(scope["path"]) if raw is None else raw.decode("latin-1").partition("?")[0]
    if origin is not None:
        return origin + path
    hosts = [value for name, value in scope["headers"] if name == b"host"]
    host = hosts[0].decode("latin-1") if len(hosts) == 1 else ""
    return f"{scope.get('scheme', 'http')}://{host}{path}"


def can_deny(scope: Scope) -> bool:
    """Whether the server can answer a WebSocket with an HTTP response in place of accepting it."""
    return "websocket.http.response" in scope.get("extensions", {})


async def refuse(refusal: Refusal, scope: Scope, send: Send) -> None:
    """Answer a request, or a WebSocket that is not accepted yet, with a refusal."""
    prefix = ""
    if scope["type"] == "websocket":
        if not can_deny(scope):
            reason = refusal.description
            await send({"type": "websocket.close", "code": POLICY_VIOLATION, "reason": reason})
            return
        prefix = "websocket."
    body = json.dumps(refusal.body).encode()
    headers = {
        **refusal.headers,
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
    }
    pairs = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    start = {"type": f"{prefix}http.response.start", "status": refusal.status, "headers": pairs}
    await send(start)
    await send({"type": f"{prefix}http.response.body", "body": body})


async def live(
    running: AbstractAsyncContextManager[object],
    app: App,
    scope: Scope,
    receive: Receive,
    send: Send,
) -> None:
    """Run an application's lifespan within a block.

    An application does not start if the block cannot be entered: the server logs the error.
    """
    async with AsyncExitStack() as block:
        try:
            await block.enter_async_context(running)
        except DescopeError as error:
            await receive()
            await send({"type": "lifespan.startup.failed", "message": str(error)})
            return

        async def after(message: Message) -> None:
            if message["type"].startswith("lifespan.shutdown."):
                await block.aclose()  # before the server hears of this, because it ends then
            await send(message)

        await app(scope, receive, after)


async def serve_for(seconds: float, app: App, scope: Scope, receive: Receive, send: Send) -> None:
    """Serve a WebSocket, and close it with code 1008 after so many seconds, if it lasts so long.

    The application is then told that the caller has gone.
    """
    is_over = False

    async def guarded(message: Message) -> None:
        nonlocal is_over
        if is_over:
            # The ASGI specification has this error for a caller who has gone.
            raise OSError(EXPIRED)
        is_over = message["type"] == "websocket.close"
        await send(message)

    async def close() -> None:
        nonlocal is_over
        if not is_over:
            is_over = True
            closing = {"type": "websocket.close", "code": POLICY_VIOLATION, "reason": EXPIRED}
            # Servers raise errors of their own when the caller has just gone.
            with suppress(Exception):
                await send(closing)

    tasks: list[asyncio.Task[None]] = []
    timer = asyncio.get_running_loop().call_later(
        max(seconds, 0), lambda: tasks.append(asyncio.ensure_future(close()))
    )
    try:
        await app(scope, receive, guarded)
    finally:
        timer.cancel()
        if tasks:
            await asyncio.wait(tasks)
