"""Errors of connections name the hop that failed, and what to change."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest

from descope_async import DeadlineExceeded, DescopeClient, RequestFailed, TLSFailed
from descope_async.emulator import Emulator
from tests.servers import Behaviour, Servers, raw, threaded_server

SERVICE = "https://descope.example"


@pytest.fixture(autouse=True)
def no_other_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)


async def failure(base_url: str, *, connect: float = 1, deadline: float = 2) -> RequestFailed:
    async with DescopeClient(
        "P1",
        "Kmanagement",
        base_url=base_url,
        retries={"attempts": 1},
        timeouts={"connect": connect, "read": deadline, "deadline": deadline},
    ) as client:
        with pytest.raises(RequestFailed) as caught:
            await client.mgmt.access_key.load("AK1")
    assert not caught.value.may_be_done
    return caught.value


@contextmanager
def full_backlog(host: str, port: int) -> Iterator[None]:
    """An address where connections wait for ever, as behind a firewall that drops packets."""
    with ExitStack() as block:
        listener = block.enter_context(socket.socket())
        listener.bind((host, port))
        listener.listen(0)
        for _ in range(4):
            filler = block.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex((host, port))
        yield


def answer_in_plain_http(connection: socket.socket) -> None:
    connection.recv(65_536)
    connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")


@pytest.mark.parametrize("connect", [0.5, 60])
async def test_a_proxy_that_is_silent_where_tls_should_begin(
    servers: type[Servers], connect: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with servers.running(servers.silence) as server:
        proxy = server.base_url.replace("http:", "https:")
        monkeypatch.setenv("HTTPS_PROXY", proxy)
        error = await failure(SERVICE, connect=connect)
    assert type(error) is DeadlineExceeded
    assert str(error) == (
        f"access_key.load: the proxy {proxy} on the way to {SERVICE} takes connections, and answers "
        "nothing in TLS in time; most proxies speak no TLS themselves: then write http:// into the "
        "proxy's URL"
    )


async def test_a_proxy_that_never_says_whether_it_connects(
    servers: type[Servers], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with servers.running(servers.silence) as server:
        monkeypatch.setenv("HTTPS_PROXY", server.base_url)
        error = await failure(SERVICE)
    assert type(error) is DeadlineExceeded
    assert f"the proxy {server.base_url} on the way to {SERVICE} does not say" in str(error)


@pytest.mark.parametrize(
    ("behaviour", "said"),
    [
        (raw(b""), "the connection to {} broke"),
        (raw(b"220 mail.example ESMTP\r\n\r\n"), "{} does not answer in HTTP that makes sense"),
    ],
)
async def test_what_a_proxy_did_is_not_said_of_the_service(
    servers: type[Servers], behaviour: Behaviour, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with servers.running(behaviour) as server:
        monkeypatch.setenv("HTTPS_PROXY", server.base_url)
        error = await failure(SERVICE)
    assert said.format(f"the proxy {server.base_url} on the way to {SERVICE}") in str(error)


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_the_name_that_dns_does_not_know(
    scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = await failure("https://descope.invalid")
    assert str(error) == "access_key.load: https://descope.invalid is not known to DNS"
    monkeypatch.setenv("HTTPS_PROXY", f"{scheme}://proxy.invalid:3128")
    error = await failure("https://descope.invalid")
    assert str(error) == (
        f"access_key.load: the proxy {scheme}://proxy.invalid:3128 on the way to "
        "https://descope.invalid is not known to DNS"
    )


async def test_who_answers_without_tls(monkeypatch: pytest.MonkeyPatch) -> None:
    with threaded_server(answer_in_plain_http) as port:
        url = f"https://127.0.0.1:{port}"
        error = await failure(url)
        assert type(error) is TLSFailed
        # The words between are OpenSSL's, and change from version to version.
        pattern = rf"no TLS with {url}: [a-z ]+; a local Descope speaks TLS only with --tls"
        assert re.search(pattern, str(error))
        monkeypatch.setenv("HTTPS_PROXY", url)
        error = await failure(SERVICE)
        assert type(error) is TLSFailed
        pattern = rf"no TLS with the proxy {url} on the way to {SERVICE}: [a-z ]+; most proxies"
        assert re.search(pattern, str(error))


async def test_a_service_that_is_silent_where_tls_should_begin(servers: type[Servers]) -> None:
    async with servers.running(servers.silence) as server:
        url = server.base_url.replace("http:", "https:")
        error = await failure(url)
    assert type(error) is DeadlineExceeded
    assert f"{url} takes connections, and answers nothing in TLS in time" in str(error)


async def test_the_address_that_was_tried_last(
    servers: type[Servers], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first one takes the connection and is silent; the second takes none."""
    resolve = socket.getaddrinfo

    def found(host: str, *arguments: Any, **named: Any) -> Any:
        addresses = ["127.0.0.1", "127.0.0.2"] if host == "localhost" else [host]
        return [each for to in addresses for each in resolve(to, *arguments, **named)]

    monkeypatch.setattr(socket, "getaddrinfo", found)
    async with servers.running(servers.silence) as server:
        port = int(server.base_url.rpartition(":")[2])
        with full_backlog("127.0.0.2", port):
            error = await failure(f"https://localhost:{port}", deadline=30)
    assert type(error) is DeadlineExceeded
    assert str(error) == (
        f"access_key.load: no connection to https://localhost:{port} in time (timeouts= sets it)"
    )


async def test_a_certificate_of_the_proxy_and_not_of_the_service(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with Emulator(tls=True) as emulator:  # TLS by an authority that nobody knows
        monkeypatch.setenv("HTTPS_PROXY", emulator.base_url)
        error = await failure(SERVICE, connect=30, deadline=30)
        assert type(error) is TLSFailed
        where = f"the proxy {emulator.base_url} on the way to {SERVICE}"
        assert f"the certificate of {where} is not trusted" in str(error)
