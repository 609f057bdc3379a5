"""The end of a WebSocket whose caller's token ends."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import MutableMapping
from contextlib import suppress
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from ._asgi import EXPIRED, POLICY_VIOLATION

__all__ = ["end_with_token"]


def end_with_token(websocket: WebSocket, seconds: float) -> None:
    """Close a WebSocket with code 1008 after so many seconds, unless it has ended before.

    Whatever serves it then sees a `WebSocketDisconnect`, as if the caller had gone.
    """
    # The loop holds the timer until the token ends, perhaps for weeks. The timer must not hold the socket.
    reference = weakref.ref(websocket)
    is_over = False
    tasks: set[asyncio.Task[None]] = set()

    async def send(message: MutableMapping[str, Any]) -> None:
        socket = reference()
        if socket is None or is_over:
            raise WebSocketDisconnect(POLICY_VIOLATION, EXPIRED)
        await WebSocket.send(socket, message)

    async def close() -> None:
        nonlocal is_over
        socket = reference()
        if socket is None or socket.application_state is WebSocketState.DISCONNECTED:
            return
        before, is_over = socket.application_state, True
        with suppress(RuntimeError, WebSocketDisconnect):  # the socket has just ended by itself
            closing = {"type": "websocket.close", "code": POLICY_VIOLATION, "reason": EXPIRED}
            await WebSocket.send(socket, closing)
        # Otherwise Starlette would raise an error at the next receive, not a disconnect.
        socket.application_state = before

    def start() -> None:
        task = asyncio.ensure_future(close())
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    vars(websocket)["send"] = send
    timer = asyncio.get_running_loop().call_later(max(seconds, 0), start)
    weakref.finalize(websocket, timer.cancel).atexit = False
