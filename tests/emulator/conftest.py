"""A running emulator, and short ways to talk to it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import aiohttp
import pytest
from jose import jwt

from descope_async.emulator import Emulator

Answer = tuple[int, dict[str, Any]]


@pytest.fixture
async def emulator() -> AsyncIterator[Emulator]:
    async with Emulator() as running:
        yield running


@pytest.fixture
async def http(emulator: Emulator) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(emulator.base_url) as session:
        yield session


@pytest.fixture
def ask(http: aiohttp.ClientSession) -> Callable[..., Awaitable[Answer]]:
    """``await ask(method, path, bearer="…", ...)`` gives status and JSON body of any answer."""

    async def send(method: str, path: str, bearer: str | None = None, **kwargs: Any) -> Answer:
        headers = dict(kwargs.pop("headers", {}))
        if bearer is not None:
            headers["Authorization"] = f"Bearer {bearer}"
        async with http.request(method, path, headers=headers, **kwargs) as response:
            assert response.content_type == "application/json"
            assert response.headers["x-request-id"]
            return response.status, await response.json()

    return send


@pytest.fixture
def manage(
    emulator: Emulator, ask: Callable[..., Awaitable[Answer]]
) -> Callable[..., Awaitable[Answer]]:
    """``await manage("accesskey/create", {...})``: a POST with the management key."""

    async def send(path: str, body: Any = None, method: str = "POST", **kwargs: Any) -> Answer:
        if not path.startswith("/"):
            path = f"/v1/mgmt/{path}"
        if body is not None:
            kwargs["json"] = body
        credentials = f"{emulator.project_id}:{emulator.management_key}"
        return await ask(method, path, credentials, **kwargs)

    return send


@pytest.fixture
def do(manage: Callable[..., Awaitable[Answer]]) -> Callable[..., Awaitable[dict[str, Any]]]:
    """As `manage`, for what must work: gives the body alone."""

    async def send(path: str, body: Any = None, method: str = "POST") -> dict[str, Any]:
        status, answer = await manage(path, body, method)
        assert status == 200, answer
        return answer

    return send


@pytest.fixture
def create(
    do: Callable[..., Awaitable[dict[str, Any]]],
) -> Callable[..., Awaitable[tuple[dict[str, Any], str]]]:
    """``await create(name="k", ...)`` gives a new key and its cleartext."""

    async def send(**fields: Any) -> tuple[dict[str, Any], str]:
        answer = await do("accesskey/create", {"name": "key", **fields})
        return answer["key"], answer["cleartext"]

    return send


@pytest.fixture
def load(
    do: Callable[..., Awaitable[dict[str, Any]]],
) -> Callable[[str], Awaitable[dict[str, Any]]]:
    """``await load(id)`` gives the key."""

    async def send(key_id: str) -> dict[str, Any]:
        answer = await do(f"accesskey?id={key_id}", method="GET")
        key: dict[str, Any] = answer["key"]
        return key

    return send


@pytest.fixture
def exchange(
    emulator: Emulator, ask: Callable[..., Awaitable[Answer]]
) -> Callable[..., Awaitable[Answer]]:
    """``await exchange(cleartext, {...login options...})``."""

    async def send(cleartext: str, login_options: dict[str, Any] | None = None) -> Answer:
        body = {} if login_options is None else {"loginOptions": login_options}
        credentials = f"{emulator.project_id}:{cleartext}"
        return await ask("POST", "/v1/auth/accesskey/exchange", credentials, json=body)

    return send


@pytest.fixture
def claims(
    emulator: Emulator,
    ask: Callable[..., Awaitable[Answer]],
    exchange: Callable[..., Awaitable[Answer]],
) -> Callable[..., Awaitable[dict[str, Any]]]:
    """As `exchange`, for what must work: gives the token's claims, its signature checked."""

    async def send(cleartext: str, login_options: dict[str, Any] | None = None) -> dict[str, Any]:
        status, answer = await exchange(cleartext, login_options)
        assert status == 200, answer
        _, key_set = await ask("GET", f"/v2/keys/{emulator.project_id}")
        token = answer["sessionJwt"]
        found: dict[str, Any] = jwt.decode(
            token, key_set, algorithms=[jwt.get_unverified_header(token)["alg"]]
        )
        return found

    return send
