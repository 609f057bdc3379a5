"""What has arrived counts, however late a limit is looked at: the process stands still meanwhile."""

from __future__ import annotations

import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import trustme

from descope_sync.emulator import Emulator
from tests.servers import threaded_server

SCRIPT = Path(__file__).parent / "scripts/stopped.py"
CREATED = json.dumps({"key": {"id": "K1"}, "cleartext": "s3cret"}).encode()
#: Seconds for which the process stands still; all of its limits are shorter.
STILL = 1.6

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="there is no SIGSTOP")


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator() as running:
        yield running


@contextmanager
def started(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, str(SCRIPT), *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def stand_still(process: subprocess.Popen[str], seconds: float) -> None:
    os.kill(process.pid, signal.SIGSTOP)
    time.sleep(seconds)
    os.kill(process.pid, signal.SIGCONT)


@pytest.mark.parametrize("way", ["awaited", "blocking"])
def test_a_delivery_that_ended_counts(emulator: Emulator, way: str) -> None:
    with started(
        way, emulator.base_url, emulator.project_id, emulator.management_key, ""
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == "stop\n"
        stand_still(process, STILL)
        assert process.stdout.readline().startswith("made ")


def test_an_answer_counts_while_the_client_is_closed() -> None:
    """Closing waits four seconds for it. These are over when the process goes on."""
    asked, answers = threading.Event(), threading.Event()

    def serve(connection: socket.socket) -> None:
        is_create = b"/create" in connection.recv(65536)
        if is_create:
            asked.set()
            answers.wait(60)
        body = CREATED if is_create else b'{"rateLimitTier": "tier1"}'
        head = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"
        connection.sendall(head % len(body) + body)

    with (
        threaded_server(serve) as port,
        started("closing", f"http://127.0.0.1:{port}", "P1", "K1", "") as process,
    ):
        assert process.stdin
        assert process.stdout
        assert asked.wait(60)
        process.stdin.write("asked\n")
        process.stdin.flush()
        assert process.stdout.readline() == "stop\n"
        stand_still(process, 6)
        time.sleep(0.3)
        answers.set()
        assert process.stdout.readline() == "made s3cret\n"


def test_a_connection_that_was_made_counts(tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    is_started, one_at_a_time = threading.Event(), threading.Lock()
    connections: list[bytes] = []

    def serve(connection: socket.socket) -> None:
        assert is_started.wait(60)
        with one_at_a_time:
            if not connections:
                threading.Thread(target=stand_still, args=(process, STILL)).start()
                time.sleep(STILL / 4)
            with context.wrap_socket(connection, server_side=True) as tls:
                connections.append(tls.recv(65536))
                head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(CREATED)
                tls.sendall(head + CREATED)

    ids = "P1", "K1", str(tmp_path / "ca.pem")
    with (
        threaded_server(serve) as port,
        started("connect", f"https://127.0.0.1:{port}", *ids) as process,
    ):
        is_started.set()
        assert process.stdout
        assert process.stdout.readline() == "made s3cret\n"
    assert sum(b"/create" in each for each in connections) == 1
