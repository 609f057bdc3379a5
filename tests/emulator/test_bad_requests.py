"""Whatever is sent, the answer is the service's error body: never a traceback, never a 500."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from descope_async.emulator import Emulator
from descope_async.emulator._error_answers import Refusal
from descope_async.emulator._json import parse

Answer = tuple[int, dict[str, Any]]
Ask = Callable[..., Awaitable[Answer]]

CREATE = "accesskey/create"
ERROR_FIELDS = {"errorCode", "errorDescription", "errorMessage"}


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"nonsense",
        b"[]",
        b'"text"',
        b"null",
        b"7",
        b"\xff\xfe{}",
        b'{"name": "\xff"}',
        b"\xef\xbb\xbf{}",
        '{"name": "k"}'.encode("utf-16"),
        b'{"name": "k", "name": "twice"}',
        b'{"name": "k", "customClaims": {"x": NaN}}',
        b'{"name": "k", "customClaims": {"x": Infinity}}',
        b'{"name": "k", "customClaims": {"x": 1e999}}',
        b'{"name": "k", "expireTime": ' + b"9" * 5000 + b"}",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"name": "k", "customClaims": ' + b'{"a":' * 70 + b"1" + b"}" * 71,
        b"{} {}",
        b"\x00",
        b'{"name": "\\ud800"}',
        b'{"name": "k", "customClaims": {"\\udc00\\ud800": 1}}',
    ],
)
async def test_bodies_that_are_no_json_object(manage: Ask, body: bytes) -> None:
    status, answer = await manage(CREATE, data=body)
    assert status == 400
    assert answer.keys() == ERROR_FIELDS
    assert answer["errorCode"] == "E011001"


async def test_an_escaped_surrogate_pair_is_one_character(manage: Ask) -> None:
    status, answer = await manage(CREATE, data=b'{"name": "\\ud834\\udd1e"}')
    assert (status, answer["key"]["name"]) == (200, "\U0001d11e")


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_a_body_is_read_or_refused(body: bytes) -> None:
    try:
        found = parse(body)
    except Refusal:
        return
    assert type(found) is dict


async def test_a_body_over_the_limit_is_refused(manage: Ask) -> None:
    async def chunks() -> Any:
        for _ in range(40):
            yield b"x" * 65536

    status, answer = await manage(CREATE, data=chunks())
    assert status == 413
    assert answer.keys() == ERROR_FIELDS


async def test_compressed_bodies_are_read_within_the_limit(manage: Ask) -> None:
    headers = {"Content-Encoding": "gzip"}
    small = gzip.compress(b'{"name": "zipped"}')
    status, answer = await manage(CREATE, data=small, headers=headers)
    assert (status, answer["key"]["name"]) == (200, "zipped")
    status, _ = await manage(CREATE, data=gzip.compress(b" " * 50_000_000), headers=headers)
    assert status == 413
    status, _ = await manage(CREATE, data=b"no gzip at all", headers=headers)
    assert status == 400


@pytest.mark.parametrize("path", ["/v1/mgmt/license", "/v1/mgmt/accesskey/create", "/nothing"])
@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
async def test_a_body_that_cannot_be_decoded_leaves_no_traceback(
    emulator: Emulator, path: str, encoding: str, caplog: pytest.LogCaptureFixture
) -> None:
    port = int(emulator.base_url.rsplit(":", 1)[1])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Encoding: {encoding}\r\n"
        f"Authorization: Bearer {emulator.project_id}:{emulator.management_key}\r\n"
        "Content-Length: 9\r\n\r\n"
    )
    writer.write(head.encode() + b"\xff neither")
    with anyio.fail_after(30):
        answer = await reader.read()  # to the end of the connection, when all is logged
    writer.close()
    assert answer.startswith(b"HTTP/1.1 40")
    assert b"\r\nConnection: close\r\n" in answer
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 404),
        ("GET", "/v1/mgmt/accesskey/nothing", 404),
        ("POST", "/v1/mgmt//accesskey/create", 404),
        ("POST", "/v1/mgmt/accesskey/create/", 404),
        ("GET", "/v1/mgmt/%00%ff%2e%2e/%F0%28%8C%BC", 404),
        ("GET", "/v2/keys/%ff%00", 404),
        ("GET", "/v1/mgmt/accesskey/create", 405),
        ("PUT", "/v1/mgmt/accesskey/create", 405),
        ("DELETE", "/v1/mgmt/accesskey", 405),
        ("POST", "/v1/mgmt/license", 405),
        ("GET", "/v1/auth/accesskey/exchange", 405),
        ("OPTIONS", "/v1/auth/accesskey/exchange", 405),
        ("BREW", "/v1/auth/accesskey/exchange", 400),
    ],
)
async def test_unknown_paths_and_methods(manage: Ask, method: str, path: str, status: int) -> None:
    found, answer = await manage(path, method=method)
    assert found == status
    assert answer.keys() == ERROR_FIELDS


async def test_a_wrong_method_is_told_the_right_one(http: aiohttp.ClientSession) -> None:
    async with http.put("/v1/mgmt/license") as response:
        assert response.headers["Allow"] == "GET"


@pytest.mark.parametrize(
    "junk", ["id=%ff%fe", "id=%00", "id=%zz", "id=" + "x" * 4000, "&&==", "id"]
)
async def test_junk_in_the_query(manage: Ask, junk: str) -> None:
    status, answer = await manage(f"accesskey?{junk}", method="GET")
    assert status in {400, 404}
    assert answer.keys() == ERROR_FIELDS


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Basic {project}:{key}",
        "{project}:{key}",
        "Bearer {project}",
        "Bearer {key}",
        "Bearer {project}:",
        "Bearer :{key}",
        "Bearer :",
        "Bearer ::",
        "Bearer {project}:{key}:",
        "Bearer {project}:{key}:{key}",
        "Bearer {project}:{key}:a:b",
        "Bearer {project}:{key}x",
        "Bearer {project}:wrong",
        "Bearer {project} {key}",
    ],
)
async def test_missing_or_malformed_authorization(
    emulator: Emulator, ask: Ask, header: str | None
) -> None:
    headers = {}
    if header is not None:
        filled = header.format(project=emulator.project_id, key=emulator.management_key)
        headers["Authorization"] = filled
    for path in ("/v1/mgmt/accesskey/create", "/v1/mgmt/tenant/search", "/v1/mgmt/user/create"):
        status, answer = await ask("POST", path, headers=headers, json={"name": "k"})
        assert (status, answer["errorCode"]) == (401, "E111119")
    assert (await emulator.snapshot())["accessKeys"] == []


async def test_the_scheme_is_case_insensitive(emulator: Emulator, ask: Ask) -> None:
    headers = {"Authorization": f"bEARER  {emulator.project_id}:{emulator.management_key} "}
    assert (await ask("POST", "/v1/mgmt/accesskey/search", headers=headers))[0] == 200


async def test_an_unknown_project_is_not_found(emulator: Emulator, ask: Ask) -> None:
    for path in ("/v1/mgmt/accesskey/search", "/v1/auth/accesskey/exchange"):
        status, answer = await ask("POST", path, f"P404:{emulator.management_key}")
        assert (status, answer["errorCode"]) == (404, "E011008")


async def test_management_keys_reach_their_own_projects(emulator: Emulator, ask: Ask) -> None:
    other = await emulator.create_project()
    both = await emulator.create_management_key([emulator.project_id, other.project_id])
    every = await emulator.create_management_key()
    path = "/v1/mgmt/accesskey/search"
    for project, key, status in (
        (emulator.project_id, emulator.management_key, 200),
        (other.project_id, emulator.management_key, 200),
        (other.project_id, other.management_key, 200),
        (emulator.project_id, other.management_key, 401),
        (emulator.project_id, both, 200),
        (other.project_id, every, 200),
    ):
        assert (await ask("POST", path, f"{project}:{key}"))[0] == status


async def test_license(emulator: Emulator, ask: Ask) -> None:
    path = "/v1/mgmt/license"
    credentials = f"{emulator.project_id}:{emulator.management_key}"
    assert await ask("GET", path, credentials) == (200, {"rateLimitTier": "tier1"})
    assert (await ask("GET", path, emulator.management_key))[0] == 200, "no project is named"
    assert (await ask("GET", path, f"{emulator.project_id}:wrong"))[0] == 401
    assert (await ask("GET", path, "wrong"))[0] == 401
    assert (await ask("GET", path))[0] == 401


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", ""])
async def test_names_that_are_not_of_this_machine_are_refused(ask: Ask, host: str) -> None:
    status, answer = await ask("GET", "/v1/mgmt/license", headers={"Host": host})
    assert status == 403
    assert answer.keys() == ERROR_FIELDS


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1", "127.0.0.2:80", "[::1]:8080"])
async def test_every_name_of_this_machine_is_served(
    emulator: Emulator, ask: Ask, host: str
) -> None:
    headers = {"Host": host}
    assert (await ask("GET", f"/v2/keys/{emulator.project_id}", headers=headers))[0] == 200


@pytest.mark.parametrize(
    "raw",
    [
        b"not http at all\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /v2/keys/x HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer CANARY"
        + b"a" * 20_000,
        b"GET / HTTP/1.1\r\nHost: localhost\r\nAuthorization\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: CANARY\r\n\r\n",
        b"GET /" + b"x" * 20_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03CANARY\r\n\r\n",
    ],
)
async def test_what_is_not_http_gets_the_error_body_too(
    emulator: Emulator, raw: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    port = int(emulator.base_url.rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(raw)
        answer = await asyncio.wait_for(reader.read(), 30)
    finally:
        writer.close()
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.")
    assert b" 400 " in head.splitlines()[0]
    assert json.loads(body).keys() == ERROR_FIELDS
    assert "CANARY" not in caplog.text + str(answer)


async def test_ten_megabytes_of_header_do_not_hurt(emulator: Emulator, ask: Ask) -> None:
    port = int(emulator.base_url.rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 10**7)
    with contextlib.suppress(ConnectionError):  # closed in the middle, perhaps before it is read
        assert b" 400 " in await reader.readline()
    writer.close()
    assert (await ask("GET", f"/v2/keys/{emulator.project_id}"))[0] == 200


async def test_a_client_that_waits_to_be_asked_for_the_body_is_asked(emulator: Emulator) -> None:
    port = int(emulator.base_url.rpartition(":")[2])
    credentials = f"{emulator.project_id}:{emulator.management_key}"
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(
        b"POST /v1/mgmt/accesskey/create HTTP/1.1\r\nHost: localhost\r\nContent-Length: 13\r\n"
        b"Connection: close\r\nExpect: 100-continue\r\n"
        b"Authorization: Bearer " + credentials.encode() + b"\r\n\r\n"
    )
    async with asyncio.timeout(30):
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(b'{"name": "k"}')
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    assert head.startswith(b"HTTP/1.1 200 ")
    assert json.loads(body)["key"]["name"] == "k"


async def test_a_body_that_stops_short_does_not_hurt(
    emulator: Emulator, ask: Ask, caplog: pytest.LogCaptureFixture
) -> None:
    port = int(emulator.base_url.rpartition(":")[2])
    credentials = f"{emulator.project_id}:{emulator.management_key}"
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(
        b"POST /v1/mgmt/accesskey/create HTTP/1.1\r\nHost: localhost\r\nContent-Length: 50\r\n"
        b"Authorization: Bearer " + credentials.encode() + b'\r\n\r\n{"name": "k'
    )
    await writer.drain()
    writer.close()
    await writer.wait_closed()
    assert await ask("POST", "/v1/mgmt/accesskey/search", credentials) == (200, {"keys": []})
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]
