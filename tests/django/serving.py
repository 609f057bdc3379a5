"""The example site of docs/examples/django, under the servers that sites run on."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from attrs import frozen

from tests import ports

SITE: Final = Path(__file__).parents[2] / "docs/examples/django"

#: A server under which nothing of ours can run, which has to say so.
GEVENT: Final = "gunicorn --worker-class gevent"
#: The command lines by name; ``{bin}`` is where programs are, ``{port}`` where it is to listen.
SERVERS: Final[dict[str, str]] = {
    "gunicorn": "{bin}/gunicorn --bind 127.0.0.1:{port} --workers 2 reports_site.wsgi",
    "gunicorn --preload": (
        "{bin}/gunicorn --bind 127.0.0.1:{port} --preload --workers 2 --threads 2 reports_site.wsgi"
    ),
    "uwsgi": (
        "{bin}/uwsgi --http-socket 127.0.0.1:{port} --master --processes 2 --need-app --die-on-term"
        " --module reports_site.wsgi --disable-logging"
    ),
    "uwsgi --lazy-apps --enable-threads": (
        "{bin}/uwsgi --http-socket 127.0.0.1:{port} --master --processes 2 --need-app --die-on-term"
        " --module reports_site.wsgi --disable-logging --lazy-apps --enable-threads --threads 2"
    ),
    "runserver": "{bin}/python manage.py runserver 127.0.0.1:{port}",
    "uvicorn": "{bin}/uvicorn --port {port} --log-level warning reports_site.asgi:application",
}


@frozen
class Server:
    """A server that runs.

    Attributes:
        port: Where it listens.
        process: Its first process.
    """

    port: int
    process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        """The site's URL."""
        return f"http://127.0.0.1:{self.port}"

    def workers(self) -> list[int]:
        """The processes that the first one has started (Linux)."""
        pid = self.process.pid
        return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def kill_a_worker(self) -> None:
        """Kill one of them at once."""
        os.kill(self.workers()[0], signal.SIGKILL)

    def reload(self) -> None:
        """Let it start its workers anew, and wait until the old ones have ended."""
        old = set(self.workers())
        self.process.send_signal(signal.SIGHUP)
        deadline = time.monotonic() + 120
        while not (now := set(self.workers())) or now & old:
            assert time.monotonic() < deadline, "the old workers go on"
            time.sleep(0.1)

    def answers(self, *lines: str, wait: float = 30) -> str:
        """What it answers to a request of these lines, sent as they are, up to its last byte."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=wait) as connection:
            connection.sendall(self.request(*lines))
            answer = b""
            while block := connection.recv(65536):
                answer += block
        return answer.decode("latin-1")

    def give_up(self, *lines: str, after: float) -> None:
        """Send a request, and go away before its answer."""
        with socket.create_connection(("127.0.0.1", self.port)) as connection:
            connection.sendall(self.request(*lines))
            time.sleep(after)

    @staticmethod
    def request(*lines: str) -> bytes:
        """A request of these lines, as bytes."""
        sent = "\r\n".join([*lines, "Host: 127.0.0.1", "Connection: close", "", ""])
        return sent.encode("latin-1")


@contextmanager
def serving(name: str, environment: Mapping[str, str], site: Path = SITE) -> Iterator[Server]:
    """Run the site under a server while the block runs."""
    port = ports.unused()
    listed = SERVERS | {GEVENT: f"{SERVERS['gunicorn']} --worker-class gevent"}
    programs = str(Path(sys.executable).parent)
    command = [each.format(bin=programs, port=port) for each in listed[name].split()]
    # Its processes get a group of their own, so that none of them outlives the test.
    with subprocess.Popen(command, cwd=site, env=environment, process_group=0) as process:
        try:
            _wait_for(port, process)
            yield Server(port, process)
        finally:
            process.terminate()
            try:
                process.wait(timeout=120)
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        assert process.poll() is None, "the server has ended"
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise AssertionError("the server does not listen")
