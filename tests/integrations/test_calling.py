"""Requests with the token of a source, by each client library, to a real service."""

from __future__ import annotations

import asyncio
import importlib
import json
import threading
from base64 import urlsafe_b64decode
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

import descope_sync
from descope_async import (
    ConfigurationError,
    DescopeClient,
    DPoPRequest,
    InvalidArgument,
    ProofKey,
    TokenSource,
    Unauthorized,
)
from descope_async.emulator import TokenShape
from descope_async.integrations._outgoing import Outgoing
from descope_async.integrations.aiohttp import TokenAuth
from descope_sync.emulator import Emulator
from tests.integrations.services import Callers, offline

REFUSED = {"WWW-Authenticate": 'Bearer realm="x", error="invalid_token"'}


WANTED = {"WWW-Authenticate": 'Bearer realm="x", DPoP error="use_dpop_nonce", algs="ES256"'}


def nonce_of(request: web.Request) -> str | None:
    """The nonce in the proof of a request."""
    payload = request.headers["DPoP"].split(".")[1]
    claims = json.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return str(claims["nonce"]) if "nonce" in claims else None


class Service:
    """A service that refuses tokens on demand, and keeps what it was sent."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str | None, bytes]] = []
        self.refused: set[str] = set()
        self.challenge = REFUSED
        self.nonce = ""
        self.elsewhere = ""
        self.url = ""

    async def answer(self, request: web.Request) -> web.Response:
        body = await request.read()
        authorization = request.headers.get("Authorization")
        self.seen.append((request.path, authorization, body))
        if self.nonce and nonce_of(request) != self.nonce:
            return web.Response(status=401, headers={**WANTED, "DPoP-Nonce": self.nonce})
        if authorization in self.refused:
            return web.Response(status=401, headers=self.challenge)
        if request.path == "/away":
            raise web.HTTPTemporaryRedirect(f"{self.elsewhere}/landed")
        if request.path == "/near":
            raise web.HTTPTemporaryRedirect("/landed")
        return web.Response(text=authorization or "")

    def tokens(self) -> list[str | None]:
        return [authorization for _, authorization, _ in self.seen]


@pytest.fixture
def services() -> Iterator[tuple[Service, Service]]:
    """Two services on ports of their own, on a thread of theirs."""
    found = Service(), Service()
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    async def start() -> list[web.AppRunner]:
        runners = []
        for service in found:
            app = web.Application()
            app.router.add_route("*", "/{path:.*}", service.answer)
            runner = web.AppRunner(app)
            await runner.setup()
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            service.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
            runners.append(runner)
        return runners

    runners = asyncio.run_coroutine_threadsafe(start(), loop).result(30)
    found[0].elsewhere = found[1].url
    yield found
    for runner in runners:
        asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result(30)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(30)
    loop.close()


@pytest.fixture
async def source(emulator: Emulator, callers: Callers) -> AsyncIterator[TokenSource]:
    access_key = await asyncio.to_thread(lambda: callers.key().cleartext)
    async with DescopeClient(emulator.project_id, base_url=emulator.base_url) as client:
        yield client.token_source(access_key)


#: Status and text of an answer.
Send = Callable[..., Awaitable[tuple[int, str]]]


def by_aiohttp(source: TokenSource, service: Service, **more: Any) -> Send:
    auth = TokenAuth(source, service.url, **more)

    async def send(method: str, path: str, **options: Any) -> tuple[int, str]:
        async with (
            aiohttp.ClientSession(service.url, middlewares=[auth]) as session,
            session.request(method, path, **options) as response,
        ):
            return response.status, await response.text()

    return send


def by_httpx(name: str, source: TokenSource, service: Service, **more: Any) -> Send:
    library = pytest.importorskip(name, reason=f"{name} is not installed")
    adapter = importlib.import_module(f"descope_async.integrations.{name}")
    auth = adapter.TokenAuth(source, [service.url], **more)

    async def send(method: str, path: str, **options: Any) -> tuple[int, str]:
        options["content"] = options.pop("data", None)
        async with library.AsyncClient(
            base_url=service.url, auth=auth, trust_env=False, follow_redirects=True
        ) as client:
            response = await client.request(method, path, **options)
            return response.status_code, response.text

    return send


@pytest.fixture(params=["aiohttp", "httpx", "httpx2"])
def send(
    request: pytest.FixtureRequest, source: TokenSource, services: tuple[Service, Service]
) -> Send:
    if request.param == "aiohttp":
        return by_aiohttp(source, services[0])
    return by_httpx(request.param, source, services[0])


async def test_a_request_has_the_token(send: Send, source: TokenSource) -> None:
    assert await send("GET", "/") == (200, f"Bearer {await source.token()}")


async def test_another_origin_never_sees_it(
    send: Send, services: tuple[Service, Service], source: TokenSource
) -> None:
    assert await send("GET", "/away") == (200, "")
    assert services[0].tokens() == [f"Bearer {await source.token()}"]
    assert services[1].tokens() == [None]
    assert await send("GET", f"{services[1].url}/direct") == (200, "")
    assert services[1].tokens() == [None, None]


@pytest.mark.parametrize("url", ["https://xn--mller-kva.example", "https://müller.example"])
@pytest.mark.parametrize("name", ["aiohttp", "httpx", "httpx2"])
async def test_an_origin_with_letters_beyond_ascii(
    name: str, url: str, source: TokenSource
) -> None:
    """It is given as DNS has it. URLs may name it in either way."""
    origin, sent = "https://xn--mller-kva.example", list[str | None]()

    async def catch(request: aiohttp.ClientRequest, _: Any) -> aiohttp.ClientResponse:
        sent.append(request.headers.get("Authorization"))
        raise aiohttp.ClientConnectionError  # nothing is there

    if name == "aiohttp":
        auths: list[aiohttp.ClientMiddlewareType] = [TokenAuth(source, origin), catch]
        async with aiohttp.ClientSession(middlewares=auths) as session:
            with pytest.raises(aiohttp.ClientConnectionError):
                await session.get(url)
    else:
        library = pytest.importorskip(name, reason=f"{name} is not installed")
        auth = importlib.import_module(f"descope_async.integrations.{name}").TokenAuth

        def answer(request: Any) -> Any:
            sent.append(request.headers.get("Authorization"))
            return library.Response(200)

        transport = library.MockTransport(answer)
        async with library.AsyncClient(transport=transport, auth=auth(source, origin)) as client:
            await client.get(url)
    assert sent == [f"Bearer {await source.token()}"]


async def test_a_redirect_within_the_origin_has_it(
    send: Send, services: tuple[Service, Service], source: TokenSource
) -> None:
    token = f"Bearer {await source.token()}"
    assert await send("GET", "/near") == (200, token)
    assert services[0].tokens() == [token, token]


@pytest.mark.parametrize("body", [None, b"in memory"])
async def test_a_refused_token_is_replaced_once(
    send: Send, services: tuple[Service, Service], source: TokenSource, body: bytes | None
) -> None:
    first = await source.token()
    services[0].refused.add(f"Bearer {first}")
    status, text = await send("POST", "/", data=body)
    assert status == 200
    assert text == f"Bearer {await source.token()}" != f"Bearer {first}"
    assert [sent for _, _, sent in services[0].seen] == [body or b"", body or b""]
    services[0].refused.add(text)
    # Within ten seconds the source makes no other, so the second 401 is the caller's.
    assert (await send("POST", "/", data=body))[0] == 401
    assert len(services[0].seen) == 3


async def test_a_body_that_can_be_sent_once_is_sent_once(
    send: Send, services: tuple[Service, Service], source: TokenSource
) -> None:
    async def parts() -> AsyncIterator[bytes]:
        yield b"once"

    services[0].refused.add(f"Bearer {await source.token()}")
    assert (await send("POST", "/", data=parts()))[0] == 401
    assert [sent for _, _, sent in services[0].seen] == [b"once"]


@pytest.mark.parametrize("challenge", [{}, {"WWW-Authenticate": 'Basic realm="invalid_token"'}])
async def test_another_refusal_is_the_callers(
    send: Send, services: tuple[Service, Service], source: TokenSource, challenge: dict[str, str]
) -> None:
    services[0].challenge = challenge
    services[0].refused.add(f"Bearer {await source.token()}")
    assert (await send("GET", "/"))[0] == 401
    assert len(services[0].seen) == 1


@pytest.fixture
def proof_key(emulator: Emulator) -> ProofKey:
    """The key that all tokens are bound to."""
    key = ProofKey.generate()
    emulator.set_token_shape(TokenShape(thumbprint=key.thumbprint))
    return key


@pytest.mark.parametrize("name", ["aiohttp", "httpx", "httpx2"])
async def test_a_nonce_is_taken_and_kept(
    name: str, proof_key: ProofKey, source: TokenSource, services: tuple[Service, Service]
) -> None:
    service = services[0]
    send = (
        by_aiohttp(source, service, proof_key=proof_key)
        if name == "aiohttp"
        else by_httpx(name, source, service, proof_key=proof_key)
    )
    service.nonce = "the-first"
    assert (await send("POST", "/", data=b"x"))[0] == 200
    assert [body for _, _, body in service.seen] == [b"x", b"x"]
    assert (await send("GET", "/"))[0] == 200
    assert len(service.seen) == 3  # this one had the nonce at once
    service.nonce = "the-second"
    service.refused.add(f"DPoP {await source.token()}")
    assert (await send("GET", "/"))[0] == 200
    assert len(service.seen) == 6  # without the nonce, with a refused token, and with another

    async def parts() -> AsyncIterator[bytes]:
        yield b"once"

    service.nonce = "the-third"
    assert (await send("POST", "/", data=parts()))[0] == 401
    assert (await send("POST", "/", data=parts()))[0] == 200  # which knows the nonce


@pytest.mark.parametrize("nonce", ["", "two words", 'a"b', "x" * 1025])
def test_what_is_no_nonce_is_passed_over(nonce: str) -> None:
    key, (_, mint) = ProofKey.generate(), offline()
    token, url = mint(cnf={"jkt": key.thumbprint}), "https://api.example.com/a"
    outgoing = Outgoing("https://api.example.com", key)
    outgoing.note_nonce(url, {"DPoP-Nonce": nonce})
    for other in ("https://other.example/a", "https://api.example.com:444/a", "ftp://x", "/a"):
        outgoing.note_nonce(other, {"DPoP-Nonce": "of-another-service"})
    proof = outgoing.headers(token, "GET", url)["DPoP"].split(".")[1]
    assert b"nonce" not in urlsafe_b64decode(proof + "=" * (-len(proof) % 4))


def test_a_nonce_without_proofs_is_the_callers(services: tuple[Service, Service]) -> None:
    outgoing = Outgoing(services[0].url)
    assert not outgoing.wants_nonce([WANTED["WWW-Authenticate"]])
    outgoing.note_nonce(services[0].url, {"DPoP-Nonce": "the-first"})
    _, mint = offline()
    assert set(outgoing.headers(mint(), "GET", services[0].url)) == {"Authorization"}


async def test_an_answer_of_ones_own_is_left_alone(
    send: Send, services: tuple[Service, Service]
) -> None:
    assert await send("GET", "/", headers={"Authorization": "Basic eA=="}) == (200, "Basic eA==")
    assert len(services[0].seen) == 1


async def test_a_key_that_is_refused_raises(
    emulator: Emulator, services: tuple[Service, Service]
) -> None:
    async with DescopeClient(emulator.project_id, base_url=emulator.base_url) as client:
        wrong = by_aiohttp(client.token_source("K2-is-not-a-key-of-this-project"), services[0])
        with pytest.raises(Unauthorized):
            await wrong("GET", "/")
    assert services[0].seen == []


@pytest.mark.parametrize("name", ["httpx", "httpx2"])
def test_blocking_clients(
    name: str, emulator: Emulator, callers: Callers, services: tuple[Service, Service]
) -> None:
    library = pytest.importorskip(name, reason=f"{name} is not installed")
    adapter = importlib.import_module(f"descope_sync.integrations.{name}")
    service, other = services
    with descope_sync.DescopeClient(emulator.project_id, base_url=emulator.base_url) as client:
        source = client.token_source(callers.key().cleartext)
        auth = adapter.TokenAuth(source, service.url)
        with library.Client(
            base_url=service.url, auth=auth, trust_env=False, follow_redirects=True
        ) as http:
            first = f"Bearer {source.token()}"
            assert http.get("/").text == first
            assert http.get("/away").text == ""
            assert other.tokens() == [None]
            service.refused.add(first)
            assert http.post("/", content=b"x").text not in {"", first}
            service.refused.add(f"Bearer {source.token()}")
            assert http.post("/", content=iter([b"x"])).status_code == 401


@pytest.mark.parametrize("name", ["httpx", "httpx2"])
def test_blocking_clients_take_a_nonce(
    name: str,
    proof_key: ProofKey,
    emulator: Emulator,
    callers: Callers,
    services: tuple[Service, Service],
) -> None:
    library = pytest.importorskip(name, reason=f"{name} is not installed")
    adapter = importlib.import_module(f"descope_sync.integrations.{name}")
    service = services[0]
    with descope_sync.DescopeClient(emulator.project_id, base_url=emulator.base_url) as client:
        source = client.token_source(callers.key().cleartext)
        auth = adapter.TokenAuth(source, service.url, proof_key=proof_key)
        with library.Client(base_url=service.url, auth=auth, trust_env=False) as http:
            service.nonce = "the-first"
            assert http.post("/", content=b"x").status_code == 200
            assert http.get("/").status_code == 200
            assert len(service.seen) == 3
            service.nonce = "the-second"
            service.refused.add(f"DPoP {source.token()}")
            assert http.get("/").status_code == 200
            assert len(service.seen) == 6


@pytest.mark.parametrize("name", ["httpx", "httpx2"])
async def test_the_wrong_kind_of_source_is_refused(
    name: str, source: TokenSource, emulator: Emulator
) -> None:
    library = pytest.importorskip(name, reason=f"{name} is not installed")
    awaited = importlib.import_module(f"descope_async.integrations.{name}").TokenAuth
    blocking = importlib.import_module(f"descope_sync.integrations.{name}").TokenAuth
    client = descope_sync.DescopeClient(emulator.project_id, base_url=emulator.base_url)
    other = client.token_source("K2-never-used-and-never-sent")
    for wrong in (other, client, "a.b.c", None):
        with pytest.raises(InvalidArgument, match="source"):
            awaited(wrong, "https://api.example.com")
        with pytest.raises(InvalidArgument, match="source"):
            TokenAuth(wrong, "https://api.example.com")  # type: ignore[arg-type]
    with pytest.raises(InvalidArgument, match="source"):
        blocking(source, "https://api.example.com")
    here = "http://127.0.0.1:1"
    with (
        library.Client(auth=awaited(source, here), trust_env=False) as http,
        pytest.raises(InvalidArgument, match="descope_sync"),
    ):
        http.get(here)
    async with library.AsyncClient(auth=blocking(other, here), trust_env=False) as http:
        with pytest.raises(InvalidArgument, match="descope_async"):
            await http.get(here)
    await asyncio.to_thread(client.close)


@pytest.mark.parametrize(
    "origins",
    [
        [],
        "api.example.com",
        "https://api.example.com/v1",
        "https://user:canary@api.example.com",
        "https://user:canary@[::1",
        "http://api.example.com",
        "ftp://127.0.0.1",
        "https://api.example.com:port",
        "https://gr\u00fcn.example",
        "https://",
        [None],
    ],
)
def test_origins_that_cannot_be_right(origins: Any) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Outgoing(origins)
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize(
    ("origin", "url", "covered"),
    [
        ("https://a.example", ("https", "a.example", None), True),
        ("https://a.example:443/", ("https", "a.example", None), True),
        ("https://A.example", ("wss", "a.example", 443), True),
        ("https://a.example", ("http", "a.example", None), False),
        ("https://a.example", ("https", "a.example", 8443), False),
        ("https://a.example", ("https", "b.a.example", None), False),
        ("https://a.example", ("https", "a.example.evil.example", None), False),
        ("http://localhost:80", ("http", "localhost", None), True),
        ("http://[::1]:8000", ("http", "::1", 8000), True),
    ],
)
def test_which_urls_an_origin_covers(
    origin: str, url: tuple[str, str, int | None], covered: bool
) -> None:
    assert (url in Outgoing(origin).origins) is covered


def test_a_proof_is_accepted_by_a_receiver() -> None:
    key = ProofKey.generate()
    again = ProofKey.from_pem(key.to_pem())
    assert again.thumbprint == key.thumbprint
    assert key.to_pem().splitlines()[1] not in repr(key)
    client, mint = offline()
    token = mint(cnf={"jkt": key.thumbprint})
    url = "https://api.example.com/reports?year=2026"
    outgoing = Outgoing("https://api.example.com", again)
    headers = outgoing.headers(token, "GET", url)
    assert headers["Authorization"] == f"DPoP {token}"
    assert outgoing.headers(mint(), "GET", url).keys() == {"Authorization"}
    request = DPoPRequest.from_headers("GET", url, headers)
    session = client.validate_session_nowait(token, dpop=request)
    assert session is not None
    for other in (None, ProofKey.generate()):
        with pytest.raises(ConfigurationError, match="proof_key"):
            Outgoing("https://api.example.com", other).headers(token, "GET", url)


@pytest.mark.parametrize("pem", ["", "no key", None, b"-----BEGIN PRIVATE KEY-----\n"], ids=repr)
def test_what_is_no_proof_key(pem: Any) -> None:
    with pytest.raises(InvalidArgument):
        ProofKey.from_pem(pem)


@pytest.mark.parametrize("url", ["/reports", "ftp://a.example", "https://u@a.example", None])
def test_a_url_that_no_proof_can_name(url: Any) -> None:
    with pytest.raises(InvalidArgument):
        ProofKey.generate().proof("GET", url)


def serve_grpc(grpc: Any, path: Path) -> Any:
    def whoami(_: bytes, context: Any) -> bytes:
        found: bytes = dict(context.invocation_metadata()).get("authorization", "").encode()
        return found

    handler = grpc.method_handlers_generic_handler(
        "Reports", {"WhoAmI": grpc.unary_unary_rpc_method_handler(whoami)}
    )
    server = grpc.server(ThreadPoolExecutor(2))
    server.add_generic_rpc_handlers([handler])
    credentials = grpc.local_server_credentials(grpc.LocalConnectionType.UDS)
    server.add_secure_port(f"unix:{path}", credentials)
    server.start()
    return server


async def test_grpc(
    source: TokenSource, emulator: Emulator, callers: Callers, tmp_path: Path
) -> None:
    grpc = pytest.importorskip("grpc", reason="grpcio is not installed")
    awaited = importlib.import_module("descope_async.integrations.grpc").TokenMetadata
    blocking = importlib.import_module("descope_sync.integrations.grpc").TokenMetadata
    server = serve_grpc(grpc, tmp_path / "s")

    def credentials(plugin: Any) -> Any:
        return grpc.composite_channel_credentials(
            grpc.local_channel_credentials(grpc.LocalConnectionType.UDS),
            grpc.metadata_call_credentials(plugin),
        )

    target = f"unix:{tmp_path / 's'}"
    for _ in range(2):  # without a token yet, and with one
        async with grpc.aio.secure_channel(target, credentials(awaited(source))) as channel:
            said = await channel.unary_unary("/Reports/WhoAmI")(b"", timeout=120)
        assert said.decode() == f"Bearer {await source.token()}"

    def block() -> None:
        with descope_sync.DescopeClient(emulator.project_id, base_url=emulator.base_url) as client:
            own = client.token_source(callers.key().cleartext)
            with grpc.secure_channel(target, credentials(blocking(own))) as channel:
                said = channel.unary_unary("/Reports/WhoAmI")(b"", timeout=120)
            assert said.decode() == f"Bearer {own.token()}"
            bad = client.token_source("K2-is-not-a-key-of-this-project")
            with (
                grpc.secure_channel(target, credentials(blocking(bad))) as channel,
                pytest.raises(grpc.RpcError) as caught,
            ):
                channel.unary_unary("/Reports/WhoAmI")(b"", timeout=120)
            assert caught.value.code() is grpc.StatusCode.UNAVAILABLE

    await asyncio.to_thread(block)
    server.stop(None).wait(30)
    with pytest.raises(InvalidArgument):
        awaited("a.b.c")
    with pytest.raises(InvalidArgument, match="event loop"):
        await asyncio.to_thread(awaited, source)
