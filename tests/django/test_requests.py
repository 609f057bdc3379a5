"""Requests of the library requests with the token of a source."""

from __future__ import annotations

import json
import threading
from base64 import urlsafe_b64decode
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import pytest

pytest.importorskip("requests", reason="requests is not installed")

import requests

from descope_async import ConfigurationError, InvalidArgument, ProofKey
from descope_async.emulator import TokenShape
from descope_sync import DescopeClient
from descope_sync.emulator import Emulator
from descope_sync.integrations.requests import TokenAuth


class Service(BaseHTTPRequestHandler):
    """Answers with what it saw; refuses the tokens that it is told to."""

    refused: ClassVar[set[str]]
    seen: ClassVar[list[str | None]]
    elsewhere: ClassVar[str] = ""
    nonce: ClassVar[str] = ""

    def do_GET(self) -> None:
        header = self.headers.get("Authorization")
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.seen.append(header)
        if self.path == "/elsewhere":
            self.send_response(302)
            self.send_header("Location", self.elsewhere)
            self.end_headers()
            return
        if self.nonce and f'"nonce":"{self.nonce}"' not in self.proof():
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'DPoP error="use_dpop_nonce"')
            self.send_header("DPoP-Nonce", self.nonce)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        is_refused = header in self.refused
        self.send_response(401 if is_refused else 200)
        if is_refused:
            self.send_header("WWW-Authenticate", 'Bearer error="invalid_token"')
        body = json.dumps({"path": self.path}).encode()
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def proof(self) -> str:
        payload = self.headers["DPoP"].split(".")[1]
        return urlsafe_b64decode(payload + "=" * (-len(payload) % 4)).decode()

    do_POST = do_GET  # noqa: N815 - the names that the server looks for

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def service() -> Iterator[tuple[str, type[Service]]]:
    class Mine(Service):
        refused: ClassVar[set[str]] = set()
        seen: ClassVar[list[str | None]] = []

    with ThreadingHTTPServer(("127.0.0.1", 0), Mine) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", Mine
        server.shutdown()
        thread.join()


@pytest.fixture
def client(local: Emulator) -> Iterator[DescopeClient]:
    with DescopeClient(local.project_id, local.management_key, base_url=local.base_url) as client:
        yield client


def test_sends_the_token_to_its_origin_alone(
    client: DescopeClient, service: tuple[str, type[Service]]
) -> None:
    url, seen = service[0], service[1].seen
    source = client.token_source(client.mgmt.access_key.create("machine").cleartext)
    with requests.Session() as session:
        session.auth = TokenAuth(source, url)
        assert session.get(f"{url}/a", timeout=120).status_code == 200
        assert seen == [f"Bearer {source.token()}"]
        other = url.replace("127.0.0.1", "localhost")
        assert session.get(f"{other}/b", timeout=120).status_code == 200
        assert seen[-1] is None
        service[1].elsewhere = f"{other}/c"
        assert session.get(f"{url}/elsewhere", timeout=120).json() == {"path": "/c"}
        assert seen[-1] is None
        own = session.get(f"{url}/d", headers={"Authorization": "Basic dTpw"}, timeout=120)
        assert own.status_code == 200


def test_a_refused_token_is_replaced_once(
    local: Emulator, client: DescopeClient, service: tuple[str, type[Service]]
) -> None:
    url, refuses = service[0], service[1]
    source = client.token_source(client.mgmt.access_key.create("machine").cleartext)
    old = source.token()
    refuses.refused.add(f"Bearer {old}")
    local.clock.advance(1)  # tokens of one second are the same
    answer = requests.post(f"{url}/a", auth=TokenAuth(source, url), data=b"body", timeout=120)
    assert answer.status_code == 200
    assert [header == f"Bearer {old}" for header in refuses.seen] == [True, False]
    refuses.refused.add(f"Bearer {source.token()}")
    answer = requests.get(f"{url}/a", auth=TokenAuth(source, url), timeout=120)
    assert answer.status_code == 401
    assert len(refuses.seen) <= 4


def test_a_nonce_is_taken_and_kept(
    local: Emulator, client: DescopeClient, service: tuple[str, type[Service]]
) -> None:
    url, demands = service[0], service[1]
    key = ProofKey.generate()
    local.set_token_shape(TokenShape(thumbprint=key.thumbprint))
    source = client.token_source(client.mgmt.access_key.create("machine").cleartext)
    auth = TokenAuth(source, url, proof_key=key)
    demands.nonce = "the-first"
    assert requests.post(f"{url}/a", auth=auth, data=b"body", timeout=120).status_code == 200
    assert requests.get(f"{url}/a", auth=auth, timeout=120).status_code == 200
    assert len(demands.seen) == 3
    demands.nonce = "the-second"
    demands.refused.add(f"DPoP {source.token()}")
    local.clock.advance(1)  # tokens of one second are the same
    assert requests.get(f"{url}/a", auth=auth, timeout=120).status_code == 200
    assert len(demands.seen) == 6


def test_what_cannot_be_right_is_refused(client: DescopeClient) -> None:
    source = client.token_source("K2aXb9Qm7LpZs4Tv1WcR8")
    with pytest.raises(InvalidArgument, match="descope_sync"):
        TokenAuth("token", "https://api.example.com")  # type: ignore[arg-type]  # as a mistake
    with pytest.raises(ConfigurationError):
        TokenAuth(source, "http://api.example.com")
