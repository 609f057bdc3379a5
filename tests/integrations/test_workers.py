"""Worker processes that are killed under load: the others go on, and no answer is wrong."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path

import httpx
import pytest
from attrs import frozen

from descope_sync.emulator import Emulator
from tests.integrations.services import ACCEPT, INITIALIZE, Callers, bearer

pytest.importorskip("uvicorn", reason="uvicorn is not installed")

FASTAPI_SERVICE = """
import os
from typing import Annotated
from fastapi import FastAPI
from descope_async import SessionToken
from descope_async.integrations.fastapi import DescopeAuth

auth = DescopeAuth()
app = FastAPI(lifespan=auth.lifespan)

@app.get("/")
async def root(caller: Annotated[SessionToken, auth.require(permissions=["use"])]) -> int:
    return os.getpid()
"""
#: Its name is that of its process, which it says to whoever it lets in.
MCP_SERVER = """
import os
from mcp.server.mcpserver import MCPServer
from descope_async.integrations.mcp import DescopeMCP

descope = DescopeMCP(
    os.environ["MCP_URL"], well_known=os.environ["WELL_KNOWN_URL"], required_scopes=["use"]
)
server = MCPServer(str(os.getpid()), token_verifier=descope, auth=descope.auth_settings)
app = descope.protect(server.streamable_http_app(stateless_http=True, json_response=True))
"""
_CALLERS = 8


@frozen
class Protected:
    """A service whose callers need tokens.

    Attributes:
        source: Its module.
        path: Where it answers.
        call: Sends a request with these headers.
        process: The id of the process that has let somebody in.
    """

    source: str
    path: str
    call: Callable[[httpx.Client, str, dict[str, str]], httpx.Response]
    process: Callable[[httpx.Response], int]


def get(http: httpx.Client, url: str, headers: dict[str, str]) -> httpx.Response:
    return http.get(url, headers=headers)


def initialize(http: httpx.Client, url: str, headers: dict[str, str]) -> httpx.Response:
    return http.post(url, headers={**ACCEPT, **headers}, json=INITIALIZE)


SERVICES = {
    "fastapi": Protected(FASTAPI_SERVICE, "/", get, lambda answer: int(answer.text)),
    "mcp.server.mcpserver": Protected(
        MCP_SERVER,
        "/mcp",
        initialize,
        lambda answer: int(answer.json()["result"]["serverInfo"]["name"]),
    ),
}


class Load:
    """Callers that ask again and again, each with all credentials in turn.

    Args:
        service: Whom to ask.
        url: Where it is.
        expected: The status for each token; "" for none.
    """

    def __init__(self, service: Protected, url: str, expected: dict[str, int]) -> None:
        self.service, self.url, self.expected = service, url, expected
        #: The processes that let somebody in, and what was answered wrongly.
        self.processes: set[int] = set()
        self.wrong: list[tuple[int, int]] = []
        self.answers = self.lost = 0
        self._lock, self._is_over = threading.Lock(), threading.Event()

    @contextmanager
    def running(self) -> Iterator[None]:
        threads = [threading.Thread(target=self._ask) for _ in range(_CALLERS)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._is_over.set()
            for thread in threads:
                thread.join(120)

    def _ask(self) -> None:
        # A connection for each request, since a kept one stays with one worker.
        limits = httpx.Limits(max_keepalive_connections=0)
        with httpx.Client(limits=limits, trust_env=False, timeout=120) as http:
            for token, wanted in cycle(self.expected.items()):
                if self._is_over.is_set():
                    return
                try:
                    answer = self.service.call(http, self.url, bearer(token) if token else {})
                except httpx.TransportError:
                    with self._lock:
                        self.lost += 1
                    continue
                self._note(answer, wanted)

    def _note(self, answer: httpx.Response, wanted: int) -> None:
        with self._lock:
            self.answers += 1
            if answer.status_code != wanted:
                self.wrong.append((answer.status_code, wanted))
            elif wanted == 200:
                self.processes.add(self.service.process(answer))


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def is_up(url: str) -> bool:
    try:
        return httpx.get(url, trust_env=False, timeout=120).status_code == 401
    except httpx.TransportError:
        return False


def kill_one(load: Load) -> None:
    """Kill a worker: the other one goes on, and a new one joins it."""
    killed, answers, lost = load.processes.pop(), load.answers, load.lost
    os.kill(killed, signal.SIGKILL)
    wait_for(lambda: load.answers > answers + 100 and len(load.processes - {killed}) == 2)
    load.processes.discard(killed)
    assert load.lost - lost <= 2 * _CALLERS  # what the killed one had accepted


@pytest.fixture
def expected(callers: Callers, emulator: Emulator) -> dict[str, int]:
    """Good, lacking, forged, expired, revoked and missing tokens."""
    key = callers.key(["use"]).cleartext
    revoked = callers.exchange(key)
    emulator.rotate_and_revoke_signing_keys()
    good, lacking = callers.exchange(key), callers.token()
    emulator.clock.skew_tokens(-7 * 86_400)
    expired = httpx.post(  # a client would not accept it
        f"{emulator.base_url}/v1/auth/accesskey/exchange",
        headers=bearer(f"{emulator.project_id}:{key}"),
        json={},
        trust_env=False,
    ).json()["sessionJwt"]
    emulator.clock.skew_tokens(0)
    head, payload, _ = good.split(".")
    forged = f"{head}.{payload}.{lacking.split('.')[2]}"
    return {good: 200, lacking: 403, forged: 401, expired: 401, revoked: 401, "": 401}


@pytest.mark.timeout(400)
@pytest.mark.parametrize("library", SERVICES)
def test_a_killed_worker_takes_no_other_along(
    library: str,
    tmp_path: Path,
    unused_port: int,
    expected: dict[str, int],
    emulator: Emulator,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip(library, reason=f"{library} is not installed")
    service = SERVICES[library]
    (tmp_path / "service.py").write_text(service.source)
    command = [sys.executable, "-m", "uvicorn", "service:app", "--workers", "2"]
    url = f"http://127.0.0.1:{unused_port}{service.path}"
    monkeypatch.setenv("MCP_URL", url)
    known = f"{emulator.base_url}/v1/apps/{emulator.project_id}"
    monkeypatch.setenv("WELL_KNOWN_URL", f"{known}/.well-known/openid-configuration")
    server = subprocess.Popen(
        [*command, "--port", str(unused_port), "--log-level", "warning"], cwd=tmp_path
    )
    try:
        wait_for(lambda: is_up(url))
        load = Load(service, url, expected)
        with load.running():
            wait_for(lambda: len(load.processes) == 2)
            for _ in range(2):
                kill_one(load)
    finally:
        server.terminate()
        server.wait(60)
    assert load.wrong == []
