"""No credential goes where it does not belong, and nothing outside of the code loosens that."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trustme
from attrs import define, field

from descope_async import (
    ConfigurationError,
    ConnectionFailed,
    DescopeClient,
    DescopeError,
    ProxyRefused,
    TLSFailed,
    UnexpectedResponse,
)
from tests.quick_time import QuickTime
from tests.servers import Servers

SECRET = "KcanaryOfTheManagementKey"
KEY = json.dumps({"key": {"id": "AK1", "name": "n"}}).encode()


@define
class TLSServer:
    """A service with a certificate.

    Attributes:
        port: Where it is.
        authority: Who vouches for it.
        heads: What it was sent.
    """

    port: int
    authority: trustme.CA
    heads: list[bytes] = field(factory=list[bytes])

    def trusting(self) -> ssl.SSLContext:
        context = ssl.create_default_context()
        self.authority.configure_trust(context)
        return context


@asynccontextmanager
async def tls_server(*names: str) -> AsyncIterator[TLSServer]:
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(*names).configure_cert(context)

    async def respond(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            server.heads.append(await reader.readuntil(b"\r\n\r\n"))
            length = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"
            writer.write(length % len(KEY) + KEY)
            await writer.drain()
        finally:
            writer.close()

    listener = await asyncio.start_server(respond, "127.0.0.1", 0, ssl=context)
    async with listener:
        server = TLSServer(listener.sockets[0].getsockname()[1], authority)
        yield server


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
async def test_no_redirect_is_followed(servers: type[Servers], code: int) -> None:
    async with servers.running(servers.answer("200 OK", KEY)) as elsewhere:
        there = servers.answer(f"{code} There", b"", f"Location: {elsewhere.base_url}/x")
        async with (
            servers.running(there) as here,
            DescopeClient("P1", SECRET, base_url=here.base_url) as client,
        ):
            keys = client.mgmt.access_key
            for call in (
                keys.load("AK1"),
                keys.create("n"),
                keys.deactivate("AK1"),
                client.exchange_access_key("K1"),
                client.refresh_key_set(),
            ):
                with pytest.raises((UnexpectedResponse, DescopeError), match="redirect"):
                    await call
        assert elsewhere.received == []


#: Variables that make one program or another accept any certificate.
LOOSE = {
    "PYTHONHTTPSVERIFY": "0",
    "NODE_TLS_REJECT_UNAUTHORIZED": "0",
    "GIT_SSL_NO_VERIFY": "1",
    "CURL_CA_BUNDLE": "",
    "REQUESTS_CA_BUNDLE": "",
    "AIOHTTP_NO_EXTENSIONS": "1",
    "DESCOPE_SKIP_VERIFY": "1",
    "DESCOPE_INSECURE": "1",
}
SCRIPT = """
import asyncio, sys
from descope_async import ConfigurationError, DescopeClient, TLSFailed

async def main():
    try:
        async with DescopeClient("P1", "K1", base_url=sys.argv[1]) as client:
            await client.mgmt.access_key.load("AK1")
    except TLSFailed as error:
        print("refused", error.attempts)
    except ConfigurationError:
        print("refused", 0)
    else:
        print("accepted")

asyncio.run(main())
"""


@pytest.mark.parametrize("bundle", ["none", "another authority's", "a missing file"])
async def test_no_environment_loosens_tls(tmp_path: Path, bundle: str) -> None:
    path = tmp_path / "bundle.pem"
    if bundle == "another authority's":
        trustme.CA().cert_pem.write_to_path(str(path))
        (tmp_path / "0123abcd.0").write_bytes(path.read_bytes())  # as openssl rehash would name it
    trust = {} if bundle == "none" else {"SSL_CERT_FILE": str(path), "SSL_CERT_DIR": str(tmp_path)}
    async with tls_server("127.0.0.1") as server:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            SCRIPT,
            f"https://127.0.0.1:{server.port}",
            env={**os.environ, **LOOSE, **trust},
            stdout=subprocess.PIPE,
        )
        out, _ = await process.communicate()
        attempts = 0 if bundle == "a missing file" else 1
        assert out.decode().split() == ["refused", str(attempts)]
        assert server.heads == []


async def test_a_certificate_for_another_host_is_refused() -> None:
    async with tls_server("other.example") as server:
        base_url = f"https://127.0.0.1:{server.port}"
        async with DescopeClient("P1", SECRET, base_url=base_url, ssl=server.trusting()) as client:
            with pytest.raises(TLSFailed):
                await client.mgmt.access_key.load("AK1")
        assert server.heads == []


def unchecked() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def for_any_host() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    return context


@pytest.mark.parametrize("make", [unchecked, for_any_host])
@pytest.mark.parametrize("base_url", [None, "https://descope.example", "https://192.0.2.1:8443"])
def test_a_context_that_checks_nothing_is_refused(make: Any, base_url: str | None) -> None:
    with pytest.raises(ConfigurationError, match="ssl must check certificates"):
        DescopeClient("P1", base_url=base_url, ssl=make())
    DescopeClient("P1", base_url="https://localhost:8443", ssl=make())


@pytest.mark.parametrize("given", [True, False, "x"])
def test_only_a_context_will_do(given: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"ssl must be an ssl\.SSLContext"):
        DescopeClient("P1", ssl=given)


@asynccontextmanager
async def proxy(port: int, status: str = "200 OK") -> AsyncIterator[tuple[str, list[bytes]]]:
    """A proxy that makes tunnels, all of them to this port, and notes what it was asked."""
    heads: list[bytes] = []

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.close()

    async def tunnel(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(f"HTTP/1.1 {status}\r\n\r\n".encode())
        await writer.drain()
        if not status.startswith("200"):
            writer.close()
            return
        there = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(pump(reader, there[1]), pump(there[0], writer))

    listener = await asyncio.start_server(tunnel, "127.0.0.1", 0)
    async with listener:
        yield f"http://u:pw@127.0.0.1:{listener.sockets[0].getsockname()[1]}", heads


@pytest.fixture
def netrc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "netrc"
    path.write_text("default login somebody password else\n")
    monkeypatch.setenv("NETRC", str(path))
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)


@pytest.mark.usefixtures("netrc")
@pytest.mark.parametrize("trust_env", [False, True, None])
async def test_a_proxy_counts_unless_told_otherwise(
    monkeypatch: pytest.MonkeyPatch, trust_env: bool | None
) -> None:
    async with tls_server("descope.example") as server, proxy(server.port) as (url, heads):
        for name in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, url)
        async with DescopeClient(
            "P1",
            SECRET,
            base_url="https://descope.example",
            ssl=server.trusting(),
            retries={"attempts": 1},
            headers={"X-Gateway": "the gateway's credential"},
            **({} if trust_env is None else {"trust_env": trust_env}),  # type: ignore[arg-type]  # mypy takes it for any argument
        ) as client:
            if trust_env is False:
                with pytest.raises(ConnectionFailed):
                    await client.mgmt.access_key.load("AK1")
                assert heads == []
                return
            await client.mgmt.access_key.load("AK1")
        assert heads[0].startswith(b"CONNECT descope.example:443 ")
        assert SECRET.encode() not in b"".join(heads)
        for header in (b"X-Gateway", b"x-descope-project-id", b"x-descope-sdk-name"):
            assert header not in b"".join(heads)
            assert header in server.heads[0]
        # Not what .netrc has for the host.
        assert f"Authorization: Bearer P1:{SECRET}".encode() in server.heads[0]


@pytest.mark.usefixtures("netrc")
async def test_a_proxy_never_sees_plain_http(
    servers: type[Servers], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with (
        servers.running(servers.answer("200 OK", KEY)) as server,
        proxy(1) as (url, heads),
    ):
        monkeypatch.setenv("HTTP_PROXY", url)
        monkeypatch.setenv("http_proxy", url)
        async with DescopeClient("P1", SECRET, base_url=server.base_url) as client:
            await client.mgmt.access_key.load("AK1")
        assert heads == []


@pytest.mark.usefixtures("netrc")
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_this_machine_is_reached_without_the_proxy(
    monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    """To the proxy, a loopback address would be the proxy itself."""
    async with tls_server(host) as server, proxy(server.port) as (url, heads):
        monkeypatch.setenv("HTTPS_PROXY", url)
        base_url = f"https://{host}:{server.port}"
        async with DescopeClient("P1", SECRET, base_url=base_url, ssl=server.trusting()) as client:
            await client.mgmt.access_key.load("AK1")
        assert heads == []
        monkeypatch.setenv("HTTPS_PROXY", "socks5://canary")  # nobody asks for it
        DescopeClient("P1", base_url=base_url)


@pytest.mark.usefixtures("netrc")
async def test_a_proxy_is_told_no_more_than_where_to_connect_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with tls_server("descope.example") as server, proxy(server.port) as (url, heads):
        place = url.rpartition("@")[2]
        monkeypatch.setenv("https_proxy", f"http://user:geheim%E2%82%AC42@{place}")
        async with DescopeClient(
            "P1",
            SECRET,
            base_url="https://descope.example",
            ssl=server.trusting(),
        ) as client:
            await client.mgmt.access_key.load("AK1")
    assert len(set(heads)) == 1
    lines = dict(line.split(": ", 1) for line in heads[0].decode().split("\r\n")[1:] if line)
    assert base64.b64decode(lines.pop("Proxy-Authorization").split()[1]).decode() == (
        "user:geheim€42"
    )
    assert set(lines) <= {"Host", "User-Agent", "Accept", "Accept-Encoding", "Connection"}


@pytest.mark.usefixtures("netrc")
async def test_a_host_without_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    async with tls_server("descope.example") as server, proxy(server.port) as (url, heads):
        monkeypatch.setenv("https_proxy", url)
        monkeypatch.setenv("no_proxy", "other.example, *.EXAMPLE:443")
        async with DescopeClient(
            "P1",
            SECRET,
            base_url="https://descope.example",
            ssl=server.trusting(),
            retries={"attempts": 1},
        ) as client:
            with pytest.raises(ConnectionFailed, match="not known to DNS"):
                await client.mgmt.access_key.load("AK1")
        assert heads == []


@pytest.mark.usefixtures("netrc")
async def test_the_proxy_of_the_first_connection_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """A program may read its .env file after its modules have made their clients."""
    async with tls_server("descope.example") as server, proxy(server.port) as (url, heads):
        async with DescopeClient(
            "P1", SECRET, base_url="https://descope.example", ssl=server.trusting()
        ) as client:
            monkeypatch.setenv("ALL_PROXY", url)
            await client.mgmt.access_key.load("AK1")
        assert len(heads) == 2  # the other is for the license


CREDENTIALS = "407 Who are you\r\nProxy-Authenticate: "


@pytest.mark.usefixtures("netrc")
@pytest.mark.parametrize(
    ("status", "user", "said"),
    [
        ("407 Who are you", "", "wants credentials (407): write them into its URL in HTTPS_PROXY"),
        (f'{CREDENTIALS}basic realm="a"', "", "as http://USER:PASSWORD@HOST:PORT, with % forms"),
        (
            f'{CREDENTIALS}Digest realm="a", nonce = "b", Basic realm="c"',
            "",
            "write them into its URL",
        ),
        (f"{CREDENTIALS}Basic", "u:canary@", "does not accept the credentials in its URL (407)"),
        (f"{CREDENTIALS}Negotiate\r\nProxy-Authenticate: NTLM", "", "(407) by Negotiate, NTLM"),
        (f"{CREDENTIALS}KpasswordOfTheProxy", "", "(407) by an unknown scheme, and only Basic"),
        ("403 Forbidden", "", "answers 403 instead of connecting to https://descope.example"),
        ("404 Who", "", "name the host in NO_PROXY"),
        ("302 Portal\r\nLocation: http://portal.example/", "", "have it allow this host"),
    ],
)
async def test_a_proxy_that_refuses_is_asked_once(
    status: str, user: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with proxy(1, status) as (url, heads):
        monkeypatch.setenv("https_proxy", url.replace("u:pw@", user))
        async with DescopeClient(
            "P1", SECRET, base_url="https://descope.example", clock=QuickTime()
        ) as client:
            with pytest.raises(ProxyRefused) as caught:
                await client.mgmt.access_key.create("n")
        assert said in str(caught.value)
        assert "canary" not in str(caught.value)
        assert not caught.value.may_be_done
        assert (
            len([head for head in heads if head.startswith(b"CONNECT ")]) <= 2
        )  # one of the license
        assert SECRET.encode() not in b"".join(heads)


@pytest.mark.usefixtures("netrc")
@pytest.mark.parametrize("status", ["502 Bad Gateway", "503 Busy", "429 Slowly", "408 Late"])
async def test_a_proxy_that_is_busy_is_asked_again(
    status: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with proxy(1, status) as (url, heads):
        monkeypatch.setenv("https_proxy", url)
        async with DescopeClient(
            "P1",
            SECRET,
            base_url="https://descope.example",
            retries={"attempts": 2},
            clock=QuickTime(),
        ) as client:
            with pytest.raises(
                ConnectionFailed, match=f"through the proxy .*: the proxy answers {status[:3]}"
            ) as caught:
                await client.mgmt.access_key.load("AK1")
        assert not isinstance(caught.value, ProxyRefused)
        assert caught.value.attempts == 2
        assert len(heads) >= 2


def test_a_proxy_that_cannot_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "socks5://u:canary@127.0.0.1:1")
    DescopeClient("P1", trust_env=False)
    with pytest.raises(ConfigurationError, match=r"HTTPS_PROXY is a SOCKS proxy") as caught:
        DescopeClient("P1")
    assert "canary" not in str(caught.value)
    monkeypatch.setenv("https_proxy", "127.0.0.1:1")
    DescopeClient("P1")


@pytest.mark.parametrize("given", [None, "yes", 1])
def test_trust_is_true_or_false(given: Any) -> None:
    with pytest.raises(ConfigurationError, match="trust_env"):
        DescopeClient("P1", trust_env=given)
