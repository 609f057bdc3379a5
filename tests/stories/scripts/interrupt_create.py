"""Ctrl-C during a create under `asyncio.run`, whose answer comes later."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
import threading
import time

from descope_async import DescopeClient, OutcomeUnknown

CREATED = json.dumps({"key": {"id": "AK1", "name": "n"}, "cleartext": "the secret"}).encode()
listener = socket.create_server(("127.0.0.1", 0))


def serve(connection: socket.socket) -> None:
    head = b""
    while b"\r\n\r\n" not in head:
        head += connection.recv(65536)
    if b"/create " in head:
        for _ in range(int(sys.argv[1])):
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.5)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(CREATED))
        connection.sendall(CREATED)
    connection.close()


def accept() -> None:
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=serve, args=(connection,), daemon=True).start()


async def main() -> None:
    base_url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    async with DescopeClient("P1", "K1", base_url=base_url) as client:
        try:
            await client.mgmt.access_key.create("n")
        except OutcomeUnknown as error:
            print("handed over:", error.is_interrupted, error.cleartext)
            raise


threading.Thread(target=accept, daemon=True).start()
try:
    asyncio.run(main())
except OutcomeUnknown as error:
    print("OutcomeUnknown:", error.cleartext)
except KeyboardInterrupt:
    print("KeyboardInterrupt")
