"""Calls of a client, and servers that answer them badly."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

from descope_async import (
    DescopeClient,
)
from tests.quick_time import QuickTime
from tests.servers import Servers

SECRET = "KcanaryOfTheManagementKey"
KEY = {"id": "AK1", "name": "n", "status": "active"}
CREATED = {"key": KEY, "cleartext": "the secret"}


def encoded(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def a_token() -> str:
    now = int(time.time())  # noqa: TID251 - for a token
    header = {"alg": "RS256", "kid": "k", "typ": "JWT"}
    return f"{encoded(header)}.{encoded({'iat': now, 'exp': now + 600})}.AAAA"


def a_key_set() -> dict[str, Any]:
    point = ec.generate_private_key(ec.SECP256R1()).public_key().public_numbers()
    parts = {"x": point.x, "y": point.y}
    b64 = {
        name: base64.urlsafe_b64encode(value.to_bytes(32, "big")).rstrip(b"=").decode()
        for name, value in parts.items()
    }
    return {"keys": [{"kty": "EC", "crv": "P-256", "kid": "k", "alg": "ES256", **b64}]}


Call = Callable[[DescopeClient], Any]

#: What to call, and what a service that is well answers to it.
REPEATABLE: dict[str, tuple[Call, Any]] = {
    "load": (lambda client: client.mgmt.access_key.load("AK1"), {"key": KEY}),
    "search": (lambda client: client.mgmt.access_key.search_all_access_keys(), {"keys": [KEY]}),
    "update": (lambda client: client.mgmt.access_key.update("AK1", "n"), {"key": KEY}),
    "activate": (lambda client: client.mgmt.access_key.activate("AK1"), {}),
    "deactivate": (lambda client: client.mgmt.access_key.deactivate("AK1"), {}),
    "delete": (lambda client: client.mgmt.access_key.delete("AK1"), {}),
    "activate_batch": (lambda client: client.mgmt.access_key.activate_batch(["AK1"]), {}),
    "deactivate_batch": (lambda client: client.mgmt.access_key.deactivate_batch(["AK1"]), {}),
    "delete_batch": (lambda client: client.mgmt.access_key.delete_batch(["AK1"]), {}),
    "exchange": (lambda client: client.token_source("K1").token(), {"sessionJwt": a_token()}),
    "key_set": (lambda client: client.refresh_key_set(), a_key_set()),
}
ONCE: dict[str, tuple[Call, Any]] = {
    "create": (lambda client: client.mgmt.access_key.create("n"), CREATED),
    "rotate": (lambda client: client.mgmt.access_key.rotate("AK1"), CREATED),
}
ALL = REPEATABLE | ONCE
HTML = b"<html><h1>Oops</h1></html>"
Fault = Callable[[Any], Any]


def status(line: str, *headers: str, body: bytes = HTML) -> Fault:
    return lambda servers: servers.answer(line, body, *headers)


def sent(data: bytes) -> Fault:
    return lambda servers: servers.raw(data)


_HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n"
UNKNOWN: dict[str, Fault] = {
    **{
        code: status(f"{code} Oops")
        for code in ("408", "500", "501", "502", "503", "504", "520", "522", "524", "599")
    },
    "503, later": status("503 Busy", "Retry-After: 1"),
    "503, nonsense": status("503 Busy", "Retry-After: soon"),
    "closes": sent(b""),
    "cut in the head": sent(_HEAD[:9]),
    "cut in the body": sent(_HEAD + b'{"key": {'),
    "no HTTP": sent(b"SSH-2.0-OpenSSH\r\n\r\n"),
    "no JSON": status("200 OK"),
    "stalls": lambda servers: servers.silence,
}


def well(answer: Any) -> Fault:
    return status("200 OK", body=json.dumps(answer).encode())


@asynccontextmanager
async def client_of(
    servers: type[Servers], *faults: Fault, **settings: Any
) -> AsyncIterator[tuple[DescopeClient, Any, Any]]:
    """A client of a server that does these in turn, that server, and the time."""
    impatient = {"timeouts": {"read": 0.3, "secret": 0.3}}
    behaviour = servers.in_turn(*(fault(servers) for fault in faults))
    async with (
        servers.running(behaviour, license=servers.licensed) as server,
        DescopeClient(
            "P1",
            SECRET,
            base_url=server.base_url,
            clock=(clock := QuickTime()),
            **{**impatient, **settings},
        ) as client,
    ):
        yield client, server, clock


def paths(server: Any) -> list[str]:
    """What the first request of each connection asked for, in short."""
    heads = [each for each in server.received if b" HTTP/1.1\r\n" in each]
    return [head.split()[1].rsplit(b"/", 1)[1].decode() for head in heads]


def requests(server: Any) -> int:
    return len(paths(server))
