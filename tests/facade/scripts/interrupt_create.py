"""Ctrl-C while a create is under way, whose secret comes after the usual grace or not at all."""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import threading
import time

from descope_async import OutcomeUnknown
from descope_sync import DescopeClient, _blocking_calls

CREATED = json.dumps({"key": {"id": "AK1", "name": "n"}, "cleartext": "the secret"}).encode()
ANSWERS = {
    "answered": b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(CREATED) + CREATED,
    "closed": b"",
    "refused": b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n",
}

case = sys.argv[1]
# So short that the answer comes after it.
setattr(_blocking_calls, "GRACE", 0.2)  # noqa: B010 - type checkers know it as Final
listener = socket.create_server(("127.0.0.1", 0))
ended = threading.Event()


def serve(connection: socket.socket) -> None:
    head = b""
    while b"\r\n\r\n" not in head:
        head += connection.recv(65536)
    if b"/create " in head:
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(1)
        if case == "twice":
            os.kill(os.getpid(), signal.SIGINT)
            ended.wait(30)
        connection.sendall(ANSWERS.get(case, b""))
    connection.close()


def accept() -> None:
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=serve, args=(connection,), daemon=True).start()


threading.Thread(target=accept, daemon=True).start()
client = DescopeClient("P1", "K1", base_url=f"http://127.0.0.1:{listener.getsockname()[1]}")
started = time.monotonic()
try:
    client.mgmt.access_key.create("n")
except KeyboardInterrupt as interruption:
    unknown = interruption.__cause__
    if hasattr(interruption, "result"):
        assert isinstance(unknown, OutcomeUnknown)
        print(interruption.result.cleartext)
        print(interruption.__notes__)
    else:
        if isinstance(unknown, OutcomeUnknown):
            print(type(unknown).__name__, unknown.is_interrupted, unknown.result)
        print("no result")
ended.set()
if time.monotonic() - started < 20:
    print("in time")
client.close()
