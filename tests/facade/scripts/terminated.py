"""SIGTERM, whose usual handler leaves by sys.exit, while a create is under way."""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import threading
import time
from types import FrameType

from descope_sync import DeliveredSecret, DescopeClient

CREATED = json.dumps({"key": {"id": "AK1", "name": "n"}, "cleartext": "the secret"}).encode()
listener = socket.create_server(("127.0.0.1", 0))


def serve() -> None:
    while True:
        connection, _ = listener.accept()
        head = b""
        while b"\r\n\r\n" not in head:
            head += connection.recv(65536)
        if b"/create " in head:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(1)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(CREATED))
            connection.sendall(CREATED)
        connection.close()


def leave(_: int, __: FrameType | None) -> None:
    sys.exit(3)


def deliver(secret: DeliveredSecret) -> None:
    print("delivered", secret.key_id, secret.cleartext)


signal.signal(signal.SIGTERM, leave)
threading.Thread(target=serve, daemon=True).start()
client = DescopeClient("P1", "K1", base_url=f"http://127.0.0.1:{listener.getsockname()[1]}")
try:
    client.mgmt.access_key.create("n", deliver=deliver)
except SystemExit as leaving:
    print("result", vars(leaving)["result"].cleartext)
    raise
