"""The control door, as a test in another process or language uses it."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jose import jwt

from descope_async import DescopeClient, TokenExpired
from descope_async.emulator import Emulator
from descope_async.emulator._serving.control_door import ROUTES

Answer = tuple[int, dict[str, Any]]
Ask = Callable[..., Awaitable[Answer]]
Create = Callable[..., Awaitable[tuple[dict[str, Any], str]]]
MOMENT = 2_000_000_000.25


@pytest.fixture
def steer(emulator: Emulator, ask: Ask) -> Ask:
    """``await steer("clock/advance", {...})``: a POST with the control token."""

    async def send(path: str, body: Any = None, method: str = "POST", **kwargs: Any) -> Answer:
        token = emulator.environment["DESCOPE_EMULATOR_TOKEN"]
        if body is not None:
            kwargs["json"] = body
        return await ask(method, f"/emulator/{path}", token, **kwargs)

    return send


async def test_the_clock_is_steered(emulator: Emulator, steer: Ask) -> None:
    status, answer = await steer("clock", method="GET")
    assert status == 200
    assert answer["now"] == pytest.approx(emulator.clock.now(), abs=20)
    assert (answer["rate"], answer["tokenSkew"]) == (1, 0)
    await steer("clock/freeze")
    now = emulator.clock.now()
    assert await steer("clock/advance", {"seconds": 0.5}) == (
        200,
        {"now": now + 0.5, "rate": 0, "tokenSkew": 0},
    )
    assert (await steer("clock/move", {"moment": MOMENT + 10**6}))[1]["now"] == MOMENT + 10**6
    status, answer = await steer("clock/move", {"moment": MOMENT})
    assert (status, answer["errorCode"]) == (400, "E011004")
    assert "is over" in answer["errorMessage"]
    assert (await steer("clock/move", {"moment": MOMENT, "backwards": True}))[1]["now"] == MOMENT
    assert (await steer("clock/skew", {"seconds": -30}))[1]["tokenSkew"] == -30
    assert emulator.clock.now() == MOMENT
    assert (await steer("clock/run"))[1]["rate"] == 1
    assert (await steer("clock/run", {"rate": 60.5}))[1]["rate"] == 60.5
    assert emulator.clock.now() >= MOMENT


async def test_an_expired_token_takes_one_request(emulator: Emulator, steer: Ask) -> None:
    other = await emulator.create_project()
    for body, project in (
        ({}, emulator.project_id),
        ({"projectId": other.project_id}, other.project_id),
    ):
        _, answer = await steer("tokens/expired", body)
        async with DescopeClient(project, base_url=emulator.base_url) as client:
            with pytest.raises(TokenExpired):
                await client.validate_session(answer["token"])


async def test_tokens_and_keys_are_steered(
    emulator: Emulator, steer: Ask, create: Create, exchange: Ask, ask: Ask
) -> None:
    async def kids() -> list[str]:
        _, key_set = await ask("GET", f"/v2/keys/{emulator.project_id}")
        return [key["kid"] for key in key_set["keys"]]

    other = await emulator.create_project()
    _, cleartext = await create()
    assert await steer("tokens/lifetime", {"seconds": 61}) == (200, {})
    await steer("tokens/lifetime", {"seconds": 5, "projectId": other.project_id})
    _, answer = await exchange(cleartext)
    claims = jwt.get_unverified_claims(answer["sessionJwt"])
    assert claims["exp"] - claims["iat"] == 61
    (first,) = await kids()
    assert await steer("keys/rotate") == (200, {})
    await steer("keys/rotate", {"projectId": other.project_id, "revoke": True})
    assert (await kids())[:-1] == [first]
    await steer("keys/rotate", {"revoke": True})
    (only,) = await kids()
    await steer("tokens/wrong-kid", {"wrong": True})
    _, answer = await exchange(cleartext)
    assert jwt.get_unverified_header(answer["sessionJwt"])["kid"] != only
    await steer("tokens/wrong-kid", {"wrong": False})
    await steer("tokens/lifetime", {"seconds": None})
    _, answer = await exchange(cleartext)
    assert jwt.get_unverified_header(answer["sessionJwt"])["kid"] == only
    claims = jwt.get_unverified_claims(answer["sessionJwt"])
    assert claims["exp"] - claims["iat"] == 600


async def test_the_cache_control_of_key_sets_is_set(
    emulator: Emulator, steer: Ask, http: aiohttp.ClientSession
) -> None:
    assert await steer("keys/cache-control", {"value": "max-age=5"}) == (200, {})
    async with http.get(f"/v2/keys/{emulator.project_id}") as response:
        assert response.headers["Cache-Control"] == "max-age=5"


async def test_requests_are_listed_and_counted(
    emulator: Emulator, steer: Ask, create: Create, exchange: Ask
) -> None:
    _, cleartext = await create()
    await exchange(cleartext)
    await exchange("Kwrong")
    status, answer = await steer("requests", method="GET")
    assert status == 200
    assert answer["count"] == len(answer["requests"]) == 3, "the control door counts for nothing"
    _, answer = await steer("requests?operation=exchange&status=401", method="GET")
    (shown,) = answer["requests"]
    assert shown == {
        "operation": "exchange",
        "method": "POST",
        "path": "/v1/auth/accesskey/exchange",
        "projectId": emulator.project_id,
        "status": 401,
        "time": shown["time"],
        "seconds": shown["seconds"],
        "requestId": shown["requestId"],
        "reason": "The access key is not valid",
    }
    assert 0 <= shown["seconds"] < 60
    assert len(shown["requestId"]) == 32
    _, answer = await steer(f"requests?projectId={emulator.project_id}", method="GET")
    assert answer["count"] == 3
    assert (await steer("requests?projectId=P404", method="GET"))[1] == {"count": 0, "requests": []}
    status, answer = await steer("requests?operation=exchanges", method="GET")
    assert (status, "must be one of" in answer["errorMessage"]) == (400, True)
    assert await steer("requests/clear") == (200, {})
    assert emulator.requests.count() == 0


async def test_a_reset_undoes_everything(emulator: Emulator, steer: Ask, create: Create) -> None:
    await create()
    await steer("clock/freeze")
    await steer("clock/skew", {"seconds": 5})
    assert await steer("reset") == (200, {})
    assert (emulator.clock.rate, emulator.clock.token_skew) == (1, 0)
    assert emulator.requests.count() == 0
    assert len((await emulator.snapshot())["accessKeys"]) == 1


@pytest.mark.parametrize(
    ("method", "path"), [*ROUTES, ("GET", "/emulator/"), ("GET", "/emulator/x")]
)
async def test_nothing_is_done_without_the_token(
    emulator: Emulator, ask: Ask, method: str, path: str
) -> None:
    emulator.clock.freeze()
    now = emulator.clock.now()
    token = emulator.control_token
    wrong = [
        None,
        "x",
        token[:-1],
        token + "x",
        f"{token}:x",
        f"x:{token}",
        "é".encode().decode("latin-1"),
        emulator.management_key,
        f"{emulator.project_id}:{emulator.management_key}",
    ]
    for bearer in wrong:
        status, answer = await ask(method, path, bearer)
        assert (status, answer["errorCode"]) == (401, "E111119")
    for headers in ({"Authorization": token}, {"Authorization": f"Basic {token}"}):
        assert (await ask(method, path, headers=headers))[0] == 401
    assert (emulator.clock.now(), emulator.clock.rate) == (now, 0)


@pytest.mark.parametrize("origin", ["https://evil.test", "null", "", "http://127.0.0.1:8080"])
async def test_no_web_page_gets_in(emulator: Emulator, steer: Ask, origin: str) -> None:
    status, answer = await steer("clock/freeze", headers={"Origin": origin})
    assert (status, answer["errorCode"]) == (403, "E011001")
    status, _ = await steer("clock/freeze", headers={"Host": "evil.test"})
    assert status == 403
    status, answer = await steer("clock", method="OPTIONS", headers={"Origin": origin})
    assert status == 403
    assert emulator.clock.rate == 1


async def test_the_same_protection_with_an_unsafe_bind() -> None:
    async with Emulator(unsafe_bind=True) as emulator:
        headers = {"Authorization": f"Bearer {emulator.control_token}", "Origin": "https://a.test"}
        async with (
            aiohttp.ClientSession(emulator.base_url) as session,
            session.get("/emulator/clock", headers=headers) as refused,
        ):
            assert refused.status == 403


async def test_every_emulator_has_another_token(emulator: Emulator) -> None:
    assert Emulator().control_token != emulator.control_token
    assert len(emulator.control_token) == 64
    assert emulator.control_token not in repr(emulator)


async def test_unknown_paths_and_methods(
    steer: Ask, http: aiohttp.ClientSession, emulator: Emulator
) -> None:
    assert (await steer("nothing"))[0] == 404
    assert (await steer("clock/"))[0] == 404
    headers = {"Authorization": f"Bearer {emulator.control_token}"}
    async with http.delete("/emulator/clock", headers=headers) as response:
        assert response.status == 405
        assert response.headers["Allow"] == "GET"


BAD_BODIES: list[tuple[str, Any]] = [
    ("clock/advance", {}),
    ("clock/advance", {"seconds": None}),
    ("clock/advance", {"seconds": "60"}),
    ("clock/advance", {"seconds": True}),
    ("clock/advance", {"seconds": -1}),
    ("clock/advance", {"seconds": 10**400}),
    ("clock/advance", {"seconds": 10**12}),
    ("clock/advance", {"seconds": [1]}),
    ("clock/advance", {"second": 1}),
    ("clock/advance", {"seconds": 1, "more": 1}),
    ("clock/move", {}),
    ("clock/move", {"moment": "2030-01-01"}),
    ("clock/move", {"moment": 0, "backwards": True}),
    ("clock/move", {"moment": MOMENT, "backwards": 1}),
    ("clock/run", {"rate": 0}),
    ("clock/run", {"rate": -1}),
    ("clock/run", {"rate": False}),
    ("clock/freeze", {"at": MOMENT}),
    ("clock/skew", {}),
    ("clock/skew", {"seconds": 0.5}),
    ("clock/skew", {"seconds": 10**18}),
    ("clock/skew", {"seconds": True}),
    ("tokens/lifetime", {"seconds": 0}),
    ("tokens/lifetime", {"seconds": 10**9}),
    ("tokens/lifetime", {"seconds": 1.5}),
    ("tokens/lifetime", {"seconds": 60, "projectId": "P404"}),
    ("tokens/lifetime", {"seconds": 60, "projectId": 5}),
    ("tokens/wrong-kid", {}),
    ("tokens/wrong-kid", {"wrong": "yes"}),
    ("tokens/wrong-kid", {"wrong": True, "projectId": "P404"}),
    ("keys/rotate", {"projectId": "P404"}),
    ("keys/rotate", {"revoke": "yes"}),
    ("keys/rotate", {"revoked": True}),
    ("keys/cache-control", {}),
    ("keys/cache-control", {"value": 60}),
    ("keys/cache-control", {"value": "a\r\nb: c"}),
    ("requests/clear", {"operation": "exchange"}),
    ("reset", {"clock": True}),
]


@pytest.mark.parametrize(("path", "body"), BAD_BODIES, ids=repr)
async def test_what_makes_no_sense_changes_nothing(
    emulator: Emulator, steer: Ask, ask: Ask, create: Create, path: str, body: Any
) -> None:
    emulator.clock.freeze()
    await create()
    _, keys = await ask("GET", f"/v2/keys/{emulator.project_id}")
    now, count = emulator.clock.now(), emulator.requests.count()
    status, answer = await steer(path, body)
    assert status == 400, answer
    assert set(answer) == {"errorCode", "errorDescription", "errorMessage"}
    assert (emulator.clock.now(), emulator.clock.rate, emulator.clock.token_skew) == (now, 0, 0)
    assert emulator.requests.count() == count
    assert (await ask("GET", f"/v2/keys/{emulator.project_id}"))[1] == keys


@pytest.mark.parametrize(
    "body", [b"{", b"[]", b"NaN", b'{"seconds": NaN}', b'{"seconds": 1e999}', b"\xff", b'"x"']
)
async def test_what_is_no_json_object(emulator: Emulator, steer: Ask, body: bytes) -> None:
    emulator.clock.freeze()
    now = emulator.clock.now()
    status, answer = await steer("clock/advance", data=body)
    assert (status, answer["errorCode"]) == (400, "E011001")
    assert emulator.clock.now() == now


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=5,
)
NAMES = sorted({name for command in ROUTES.values() for name in command.fields})


@pytest.fixture(scope="module")
def shared() -> Any:
    from descope_sync.emulator import Emulator as BlockingEmulator

    with BlockingEmulator(signing_algorithm="ES256") as emulator:
        yield emulator


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    route=st.sampled_from(sorted(ROUTES)),
    body=st.dictionaries(st.sampled_from(NAMES), JSON, max_size=3),
)
async def test_no_body_whatever_breaks_it(
    shared: Any, route: tuple[str, str], body: dict[str, Any]
) -> None:
    headers = {"Authorization": f"Bearer {shared.control_token}"}
    async with (
        aiohttp.ClientSession(shared.base_url, headers=headers) as session,
        session.request(*route, data=json.dumps(body)) as response,
    ):
        answer = await response.json()
        assert response.status in {200, 400}, answer
        assert ("errorCode" in answer) == (response.status == 400)
