"""Tokens that are bound to a key, in FastAPI: with their proofs, once, also over several workers."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Annotated, Any

import aiohttp
import httpx
import pytest

from descope_async import ConfigurationError, DescopeClient, ProofKey, SessionToken
from descope_async._values.secret import Secret
from descope_async.emulator import Clock, TokenShape
from descope_async.emulator.mint import TokenMint
from descope_async.testing import EmulatorClock
from descope_sync.emulator import Emulator
from tests.integrations.services import Callers, bearer, serving

pytest.importorskip("fastapi", reason="the extra fastapi is not installed")

from fastapi import FastAPI, WebSocket

from descope_async.integrations._nonces import NO_NONCES, ProofNonces
from descope_async.integrations._workers import may_be_several
from descope_async.integrations.admission import Refusal
from descope_async.integrations.aiohttp import TokenAuth
from descope_async.integrations.fastapi import DescopeAuth
from descope_async.integrations.sqlite import SQLiteReplayStore

mint, key = TokenMint(), ProofKey.generate()


def client() -> DescopeClient:
    return DescopeClient(mint.project_id, public_key=mint.key_set)


mixed, required = DescopeAuth(client, dpop="mixed"), DescopeAuth(client, dpop="required")
named = DescopeAuth(client, dpop="mixed", origin="https://api.example.com")
plain = DescopeAuth(client)
#: Real time, until a test lets it stand still, so that no nonce ends meanwhile.
service_time = Clock()


def client_with_time() -> DescopeClient:
    return DescopeClient(
        mint.project_id, public_key=mint.key_set, clock=EmulatorClock(service_time)
    )


demanding = DescopeAuth(client_with_time, dpop="mixed", dpop_nonce_secret="s" * 32)


@asynccontextmanager
async def lifespan(app: FastAPI) -> Any:
    async with (
        mixed.lifespan(app),
        required.lifespan(app),
        named.lifespan(app),
        plain.lifespan(app),
        demanding.lifespan(app),
    ):
        yield


app = FastAPI(lifespan=lifespan)


@app.get("/mixed")
async def is_mixed(caller: Annotated[SessionToken, mixed.require()]) -> str:
    return caller.key_id


@app.get("/required")
async def is_required(caller: Annotated[SessionToken, required.require()]) -> str:
    return caller.key_id


@app.get("/named/{rest:path}")
async def is_named(rest: str, caller: Annotated[SessionToken, named.require()]) -> str:
    return f"{rest} {caller.key_id}"


@app.get("/demanding")
async def is_demanding(caller: Annotated[SessionToken, demanding.require()]) -> str:
    return caller.key_id


@app.get("/plain")
async def is_plain(caller: Annotated[SessionToken, plain.require()]) -> str:
    return caller.key_id


@app.get("/twice", dependencies=[mixed.require()])
async def twice(caller: Annotated[SessionToken, mixed.require(permissions=["a"])]) -> str:
    return caller.key_id


@pytest.fixture(scope="module")
def http() -> Iterator[httpx.Client]:
    with serving(app) as url, httpx.Client(base_url=url, trust_env=False) as client:
        yield client


def bound(**claims: Any) -> str:
    return mint(cnf={"jkt": key.thumbprint}, **claims)


def url_of(http: httpx.Client, path: str) -> str:
    return str(http.base_url).rstrip("/") + path


def test_a_bound_token_needs_its_proof(http: httpx.Client) -> None:
    for path in ("/mixed", "/required"):
        headers = key.headers(bound(), "GET", url_of(http, path))
        assert http.get(path, headers=headers).status_code == 200
        again = http.get(path, headers=headers)
        assert again.status_code == 401
        assert again.headers["WWW-Authenticate"].startswith(
            'DPoP realm="descope", error="invalid_dpop_proof"'
        )


@pytest.mark.parametrize("scheme", ["http", "ws"])
def test_a_websocket_opens_with_a_proof(emulator: Emulator, callers: Callers, scheme: str) -> None:
    emulator.set_token_shape(TokenShape(thumbprint=key.thumbprint))
    access_key = callers.key().cleartext
    auth = DescopeAuth(dpop="required")
    service = FastAPI(lifespan=auth.lifespan)

    @service.websocket("/feed", dependencies=[auth.require()])
    async def feed(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.send_text("open")

    async def received(url: str) -> str:
        async with DescopeClient() as client:
            sent = TokenAuth(client.token_source(access_key), url, proof_key=key)
            async with (
                aiohttp.ClientSession(middlewares=(sent,)) as session,
                session.ws_connect(f"{url}/feed".replace("http", scheme)) as socket,
            ):
                return await socket.receive_str(timeout=120)

    with serving(service) as url:
        assert asyncio.run(received(url)) == "open"


def test_a_nonce_is_demanded_where_there_is_a_secret_for_it(http: httpx.Client) -> None:
    service_time.freeze()
    token, url = bound(), url_of(http, "/demanding")
    refused = http.get("/demanding", headers=key.headers(token, "GET", url))
    assert refused.status_code == 401
    assert 'DPoP realm="descope", error="use_dpop_nonce"' in refused.headers["WWW-Authenticate"]
    nonce = refused.headers["DPoP-Nonce"]
    good = key.headers(token, "GET", url, nonce=nonce)
    assert http.get("/demanding", headers=good).status_code == 200
    replayed = http.get("/demanding", headers=good)
    assert 'error="invalid_dpop_proof"' in replayed.headers["WWW-Authenticate"]
    assert "DPoP-Nonce" not in replayed.headers
    stale = key.headers(token, "GET", url, nonce="of-yesterday")
    assert http.get("/demanding", headers=stale).headers["DPoP-Nonce"] == nonce
    assert http.get("/demanding", headers=bearer(mint())).status_code == 200
    with_one = key.headers(token, "GET", url_of(http, "/mixed"), nonce="demanded-by-nobody")
    assert http.get("/mixed", headers=with_one).status_code == 200


def test_nonces_change_and_overlap() -> None:
    nonces, same, other = (ProofNonces(Secret(letter * 32)) for letter in "aab")
    asked = Refusal(401, "use_dpop_nonce", "no")
    nonce = nonces.handed_out(asked, 1000).nonce
    assert nonce == same.handed_out(asked, 1199).nonce != other.handed_out(asked, 1000).nonce
    for age in (0, 299, 300):
        assert nonce in same.accepted(1000 + age)
    assert nonce in same.accepted(899)  # whose clock is behind
    assert nonce not in same.accepted(1800)
    assert "a" * 8 not in repr(nonces)


def test_without_a_secret_no_nonce_is_demanded() -> None:
    refusal = Refusal(401, "invalid_dpop_proof", "no")
    assert NO_NONCES.accepted(1000) == ()
    assert NO_NONCES.handed_out(refusal, 1000) is refusal


@pytest.mark.parametrize("secret", ["", "too short", 5, b"b" * 32])
def test_a_secret_for_nonces_that_cannot_be_right(secret: Any) -> None:
    with pytest.raises(ConfigurationError, match="32 characters"):
        DescopeAuth(dpop="mixed", dpop_nonce_secret=secret)
    with pytest.raises(ConfigurationError, match="dpop"):
        DescopeAuth(dpop_nonce_secret="s" * 32)


@pytest.mark.parametrize(
    "settings",
    [
        {"origin": "api.example.com"},
        {"origin": "https://api.example.com/v1"},
        {"origin": "https://api.example.com?"},
        {"origin": "ftp://api.example.com"},
        {"origin": "https://user@api.example.com"},
        {"origin": ""},
        {"origin": 5},
        {"audience": ""},
        {"audience": 5},
        {"audience": []},
    ],
    ids=str,
)
def test_what_an_application_cannot_expect(settings: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=r"origin|audience"):
        DescopeAuth(dpop="mixed", **settings)


def test_a_query_does_not_count(http: httpx.Client) -> None:
    headers = key.headers(bound(), "GET", url_of(http, "/mixed"))
    assert http.get("/mixed?year=2026", headers=headers).status_code == 200


def test_one_proof_serves_all_requirements_of_a_route(http: httpx.Client) -> None:
    headers = key.headers(bound(permissions=["a"]), "GET", url_of(http, "/twice"))
    assert http.get("/twice", headers=headers).status_code == 200


@pytest.mark.parametrize("path", ["/mixed", "/required"])
def test_wrong_proofs(http: httpx.Client, path: str) -> None:
    token, url = bound(), url_of(http, path)
    good = key.headers(token, "GET", url)
    wrong = [
        {"Authorization": f"DPoP {token}"},
        {"Authorization": f"Bearer {token}"},
        key.headers(token, "POST", url),
        key.headers(token, "GET", url + "/else"),
        key.headers(token, "GET", "https://elsewhere.example" + path),
        ProofKey.generate().headers(token, "GET", url),
        good | {"DPoP": key.proof("GET", url, mint())},
        good | {"DPoP": "a.b.c"},
        good | {"DPoP": f"{good['DPoP']}, {good['DPoP']}"},
    ]
    for headers in wrong:
        answer = http.get(path, headers=headers)
        assert answer.status_code == 401
        assert 'error="invalid_dpop_proof"' in answer.headers["WWW-Authenticate"]
    assert http.get(path, headers=good).status_code == 200


def test_mixed_takes_bearer_tokens_and_required_does_not(http: httpx.Client) -> None:
    assert http.get("/mixed", headers=bearer(mint())).status_code == 200
    refused = http.get("/required", headers=bearer(mint()))
    assert refused.status_code == 401
    assert refused.headers["WWW-Authenticate"].startswith("DPoP ")
    challenges = http.get("/mixed").headers["WWW-Authenticate"]
    assert challenges.startswith('Bearer realm="descope", DPoP algs="')


def test_without_proofs_a_bound_token_is_refused(http: httpx.Client) -> None:
    headers = key.headers(bound(), "GET", url_of(http, "/plain"))
    assert http.get("/plain", headers=headers).status_code == 401
    refused = http.get("/plain", headers=bearer(bound()))
    assert refused.headers["WWW-Authenticate"].startswith("Bearer ")
    assert "invalid_token" in refused.headers["WWW-Authenticate"]


def test_behind_a_proxy_the_origin_counts_and_no_forwarded_header(http: httpx.Client) -> None:
    """The application is reached at another scheme and host than callers write."""
    for rest in ("a", "a%2Fb", "gr%C3%BCn"):
        url = f"https://api.example.com/named/{rest}"
        assert (
            http.get(f"/named/{rest}", headers=key.headers(bound(), "GET", url)).status_code == 200
        )
    own = key.headers(bound(), "GET", url_of(http, "/named/a"))
    assert http.get("/named/a", headers=own).status_code == 401
    forwarded = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "api.example.com"}
    headers = key.headers(bound(), "GET", "https://api.example.com/mixed") | forwarded
    assert http.get("/mixed", headers=headers).status_code == 401


SERVICE = """
import os
from typing import Annotated
from fastapi import FastAPI, WebSocket
from descope_async import DescopeClient, SessionToken
from descope_async.integrations.fastapi import DescopeAuth
from descope_async.integrations.sqlite import SQLiteReplayStore

def client():
    return DescopeClient(
        os.environ["PROJECT"],
        public_key=os.environ["KEYS"],
        replay_store=SQLiteReplayStore(os.environ["STORE"]),
    )

auth = DescopeAuth(client, dpop="required", origin="https://api.example.com")
app = FastAPI(lifespan=auth.lifespan)

@app.get("/")
async def root(caller: Annotated[SessionToken, auth.require()]) -> int:
    return os.getpid()
"""


@contextmanager
def workers(folder: Path, port: int) -> Iterator[None]:
    (folder / "service.py").write_text(SERVICE)
    environment = {
        **os.environ,
        "PROJECT": mint.project_id,
        "KEYS": mint.key_set,
        "STORE": str(folder / "proofs.db"),
    }
    command = [sys.executable, "-m", "uvicorn", "service:app", "--workers", "2"]
    server = subprocess.Popen(
        [*command, "--port", str(port), "--log-level", "warning"], cwd=folder, env=environment
    )
    try:
        yield
    finally:
        server.terminate()
        server.wait(60)


def test_over_several_workers_a_proof_counts_once(tmp_path: Path, unused_port: int) -> None:
    url, token = f"http://127.0.0.1:{unused_port}/", bound()

    def ask(headers: dict[str, str]) -> httpx.Response | None:
        try:
            return httpx.get(url, headers=headers, trust_env=False, timeout=120)
        except httpx.TransportError:  # a worker was killed, or has not started
            return None

    def fresh() -> dict[str, str]:
        return key.headers(token, "GET", "https://api.example.com/")

    def pid() -> int:
        deadline = time.monotonic() + 120
        while (answer := ask(fresh())) is None or answer.status_code != 200:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        return int(answer.text)

    with workers(tmp_path, unused_port), ThreadPoolExecutor(8) as threads:
        killed = pid()
        for _ in range(5):
            once = fresh()
            found = Counter(each and each.status_code for each in threads.map(ask, [once] * 16))
            assert found == {200: 1, 401: 15}
        os.kill(killed, signal.SIGKILL)
        while pid() == killed:
            pass
        assert {each.status_code for each in map(ask, [once] * 8) if each is not None} == {401}
    assert (tmp_path / "proofs.db").stat().st_mode & 0o077 == 0


async def test_a_store_remembers_for_a_while(tmp_path: Path) -> None:
    first, second = (SQLiteReplayStore(tmp_path / "proofs.db") for _ in range(2))
    assert await first.first_use("a", 60) is True
    assert await second.first_use("a", 60) is False
    assert await second.first_use("b", 0) is True
    assert await first.first_use("b", 60) is True
    first.close()
    assert await first.first_use("a", 60) is False
    first.close()
    second.close()


async def test_a_store_that_cannot_be_written(tmp_path: Path) -> None:
    from descope_async import ReplayStoreFull

    store = SQLiteReplayStore(tmp_path / "nowhere" / "proofs.db")
    with pytest.raises(ReplayStoreFull, match="nowhere"):
        await store.first_use("a", 60)


@pytest.mark.parametrize(
    ("environment", "arguments", "several"),
    [
        ({}, [], False),
        ({"WEB_CONCURRENCY": "4"}, [], True),
        ({"WEB_CONCURRENCY": "1"}, [], False),
        ({"WEB_CONCURRENCY": "x"}, [], False),
        ({"GUNICORN_CMD_ARGS": "--workers=3 --bind 'x"}, [], True),
        ({}, ["--workers", "2"], True),
        ({}, ["-w", "2"], True),
        ({}, ["-w2"], True),
        ({}, ["--workers=1"], False),
    ],
    ids=str,
)
def test_how_several_workers_are_seen(
    monkeypatch: pytest.MonkeyPatch,
    environment: dict[str, str],
    arguments: list[str],
    several: bool,
) -> None:
    monkeypatch.setattr(sys, "argv", ["server", "app", *arguments])
    for name in ("WEB_CONCURRENCY", "GUNICORN_CMD_ARGS"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert may_be_several() is several
