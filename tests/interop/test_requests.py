"""What our client sends, beside what the official SDK sends for the same call."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import descope
import pytest
from aiohttp import web
from attrs import define, field, frozen
from descope.descope_client_async import DescopeClientAsync

from descope_async import AccessKeyLoginOptions, AssociatedTenant, DescopeClient
from descope_async.emulator import Emulator

PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "requests.md"


@frozen
class Sent:
    """One request, as far as the two clients should agree."""

    method: str
    path: str
    query: dict[str, str]
    body: Any
    authorization: str | None


@define
class Recorder:
    """A proxy in front of an emulator that notes what passes."""

    base_url: str
    sent: list[Sent] = field(factory=list[Sent])

    def take(self, path: str) -> Sent:
        """The one request for a path since the last look."""
        found = [each for each in self.sent if each.path.startswith(path)]
        self.sent.clear()
        assert len(found) == 1, found
        return found[0]


def without_nulls(body: Any) -> Any:
    if isinstance(body, dict):
        return {name: without_nulls(value) for name, value in body.items() if value is not None}
    return body


@asynccontextmanager
async def recording(emulator: Emulator) -> AsyncIterator[Recorder]:
    async with aiohttp.ClientSession() as session:

        async def forward(request: web.BaseRequest) -> web.StreamResponse:
            body = await request.read()
            recorder.sent.append(
                Sent(
                    request.method,
                    request.path,
                    dict(request.query),
                    without_nulls(json.loads(body)) if body else None,
                    request.headers.get("Authorization"),
                )
            )
            url = emulator.base_url + request.path_qs
            async with session.request(
                request.method, url, data=body, headers=request.headers
            ) as answer:
                return web.Response(
                    status=answer.status,
                    body=await answer.read(),
                    content_type=answer.content_type,
                )

        runner = web.ServerRunner(web.Server(forward))
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        recorder = Recorder(f"http://{host}:{port}")
        try:
            yield recorder
        finally:
            await runner.cleanup()


Call = Callable[[Any, Any], Any]


@frozen
class Pair:
    """The same call on the official client and on ours."""

    operation: str
    path: str
    official: Call
    ours: Call


TENANTS = [AssociatedTenant("t1", ["R"])]
OFFICIAL_TENANTS = [descope.AssociatedTenant("t1", ["R"])]


def keys(method: str, **arguments: Any) -> Call:
    return lambda client, key_id: getattr(client.mgmt.access_key, method)(
        **{name: value(key_id) if callable(value) else value for name, value in arguments.items()}
    )


def same(operation: str, path: str, method: str, **arguments: Any) -> Pair:
    call = keys(method, **arguments)
    return Pair(operation, f"/v1/mgmt/accesskey{path}", call, call)


def the_id(key_id: str) -> str:
    return key_id


def the_ids(key_id: str) -> list[str]:
    return [key_id]


FULL = {
    "expire_time": 1_893_456_000,
    "role_names": ["R"],
    "user_id": None,
    "custom_claims": {"k": {"x": 1}},
    "description": "d",
    "permitted_ips": ["127.0.0.0/8"],
}
PAIRS = [
    same("create", "/create", "create", name="n"),
    same("create, all fields", "/create", "create", name="né", **FULL),
    Pair(
        "create, tenants",
        "/v1/mgmt/accesskey/create",
        keys("create", name="n", key_tenants=OFFICIAL_TENANTS),
        keys("create", name="n", key_tenants=TENANTS),
    ),
    same("load", "", "load", id=the_id),
    same("search", "/search", "search_all_access_keys"),
    same("search, tenants", "/search", "search_all_access_keys", tenant_ids=["t1"]),
    same("search, user", "/search", "search_all_access_keys", bound_user_id="u", creating_user="c"),
    same("update", "/update", "update", id=the_id, name="m"),
    same(
        "update, clear",
        "/update",
        "update",
        id=the_id,
        name="m",
        description="",
        permitted_ips=[],
        custom_claims={},
    ),
    same("deactivate", "/deactivate", "deactivate", id=the_id),
    same("activate", "/activate", "activate", id=the_id),
    same("rotate", "/rotate", "rotate", id=the_id),
    same("deactivate_batch", "/deactivate/batch", "deactivate_batch", ids=the_ids),
    same("activate_batch", "/activate/batch", "activate_batch", ids=the_ids),
    same("delete", "/delete", "delete", id=the_id),
    same("delete_batch", "/delete/batch", "delete_batch", ids=the_ids),
]


def exchanges(secret: str) -> list[Pair]:
    path = "/v1/auth/accesskey/exchange"
    claims = {"job": "nightly"}
    return [
        Pair(
            "exchange",
            path,
            lambda client, _: client.exchange_access_key(secret),
            lambda client, _: client.exchange_access_key(secret),
        ),
        Pair(
            "exchange, login options",
            path,
            lambda client, _: client.exchange_access_key(
                secret, login_options=descope.AccessKeyLoginOptions(claims, "t1")
            ),
            lambda client, _: client.exchange_access_key(
                secret, login_options=AccessKeyLoginOptions(claims, "t1")
            ),
        ),
    ]


def differences(pair: Pair, official: Sent, ours: Sent) -> set[tuple[str, str]]:
    parts = ("method", "path", "query", "body", "authorization")
    return {
        (pair.operation, part) for part in parts if getattr(official, part) != getattr(ours, part)
    }


def listed() -> set[tuple[str, str]]:
    """The differences in the table of the page."""
    rows = re.findall(r"^\| (?!operation|---)([^|]+) \| ([^|]+) \|", PAGE.read_text(), re.MULTILINE)
    return {(operation.strip(), part.strip()) for operation, part in rows}


@pytest.fixture
async def emulator() -> AsyncIterator[Emulator]:
    seed = {
        "tenants": [{"id": "t1", "name": "One"}],
        "roles": [{"name": "R", "permissionNames": []}],
    }
    async with Emulator(seed=seed) as emulator:
        yield emulator


@pytest.mark.parametrize("with_auth_key", [False, True])
async def test_requests_differ_only_as_documented(emulator: Emulator, with_auth_key: bool) -> None:
    found: set[tuple[str, str]] = set()
    async with recording(emulator) as recorder:
        project, key = emulator.project_id, emulator.management_key
        auth_management_key = key if with_auth_key else None
        official = DescopeClientAsync(
            project,
            management_key=key,
            auth_management_key=auth_management_key,
            base_url=recorder.base_url,
        )
        async with (
            official,
            DescopeClient(
                project, key, auth_management_key=auth_management_key, base_url=recorder.base_url
            ) as ours,
        ):
            secret = (
                await ours.mgmt.access_key.create("x", key_tenants=[AssociatedTenant("t1")])
            ).cleartext
            await asyncio.sleep(0.2)  # both have asked for the license by now
            for pair in [*PAIRS, *exchanges(secret)]:
                seen = []
                for client, call in ((official, pair.official), (ours, pair.ours)):
                    target = (await ours.mgmt.access_key.create("target")).key.id
                    if pair.operation == "activate":
                        await ours.mgmt.access_key.deactivate(target)
                    recorder.sent.clear()
                    await call(client, target)
                    sent = recorder.take(pair.path)
                    text = json.dumps(sent.body).replace(target, "ID")
                    query = {
                        name: value.replace(target, "ID") for name, value in sent.query.items()
                    }
                    seen.append(
                        Sent(sent.method, sent.path, query, json.loads(text), sent.authorization)
                    )
                found |= differences(pair, seen[0], seen[1])
    assert found == set()


async def test_only_the_official_client_shows_a_credential_for_the_keys(emulator: Emulator) -> None:
    async with recording(emulator) as recorder:
        project = emulator.project_id
        key = (await _create(emulator)).cleartext
        async with DescopeClientAsync(project, base_url=recorder.base_url) as official:
            await official.exchange_access_key(key)
            theirs = recorder.take("/v2/keys")
        async with DescopeClient(project, base_url=recorder.base_url) as client:
            await client.exchange_access_key(key)
            ours = recorder.take("/v2/keys")
    pair = Pair("key set", "/v2/keys", keys(""), keys(""))
    assert differences(pair, theirs, ours) == listed() == {("key set", "authorization")}


async def _create(emulator: Emulator) -> Any:
    async with DescopeClient(
        emulator.project_id, emulator.management_key, base_url=emulator.base_url
    ) as client:
        return await client.mgmt.access_key.create("x")
