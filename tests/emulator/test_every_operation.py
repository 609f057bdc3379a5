"""Bad requests to every operation: the service's error body, and nothing has changed."""

from __future__ import annotations

import io
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import aiohttp
import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from descope_async.emulator import Emulator
from descope_async.emulator._operations import routes
from tests.emulator.operations import OPERATIONS, Operation, filled, furnish, spoilt

Ask = Callable[..., Awaitable[tuple[int, dict[str, Any]]]]
every_operation = pytest.mark.parametrize("operation", OPERATIONS, ids=str)
with_a_body = pytest.mark.parametrize(
    "operation", [each for each in OPERATIONS if not each.in_query], ids=str
)


@pytest.fixture
async def emulator() -> AsyncIterator[Emulator]:
    async with Emulator(signing_algorithm="ES256") as running:  # the quickest to make keys for
        yield running


@pytest.fixture
async def made(emulator: Emulator, ask: Ask) -> dict[str, str]:
    return await furnish(emulator.project_id, emulator.management_key, ask)


def is_error(answer: dict[str, Any]) -> bool:
    return answer.keys() == {"errorCode", "errorDescription", "errorMessage"}


def test_the_table_has_every_operation() -> None:
    listed = {(each.method, each.path) for each in OPERATIONS}
    assert listed == {(route.method, route.path) for route in routes.ALL}
    assert len(listed) == len(OPERATIONS)


@every_operation
async def test_it_is_carried_out_and_unknown_fields_are_ignored(
    made: dict[str, str], ask: Ask, operation: Operation
) -> None:
    unknown: Any = "x" if operation.in_query else {"deep": [1, None]}
    body = filled(operation.body, made) | {"unknownToAll": unknown}
    status, answer = await operation.request(ask, made, body)
    assert status == 200, answer


@with_a_body
async def test_a_field_of_a_wrong_type_is_named(
    emulator: Emulator, made: dict[str, str], ask: Ask, operation: Operation
) -> None:
    before = await emulator.snapshot()
    for name, body in spoilt(filled(operation.body, made)):
        status, answer = await operation.request(ask, made, body)
        assert (status, is_error(answer)) == (400, True), (name, body, answer)
        assert name in answer["errorMessage"], (body, answer)
    assert await emulator.snapshot() == before


@every_operation
async def test_a_field_that_is_missing_is_named(
    emulator: Emulator, made: dict[str, str], ask: Ask, operation: Operation
) -> None:
    before = await emulator.snapshot()
    body = filled(operation.body, made)
    for name in operation.required:
        for empty in ({}, {name: type(body[name])()}):
            changed = {key: value for key, value in body.items() if key != name} | empty
            status, answer = await operation.request(ask, made, changed)
            assert (status, is_error(answer)) == (400, True), (changed, answer)
            assert "is required" in answer["errorMessage"]
    assert await emulator.snapshot() == before


@every_operation
async def test_what_is_nowhere_or_in_another_project_is_not_found(
    emulator: Emulator, made: dict[str, str], ask: Ask, operation: Operation
) -> None:
    other = await emulator.create_project()
    elsewhere = await furnish(other.project_id, emulator.management_key, ask)
    both = [await emulator.snapshot(), await emulator.snapshot(other.project_id)]
    body = filled(operation.body, made)
    for name in operation.names:
        for wrong in {
            "nothing": "K404",
            "elsewhere": filled(operation.body, elsewhere)[name],
        }.values():
            value = [wrong] if isinstance(body[name], list) and isinstance(wrong, str) else wrong
            if value == body[name]:  # users of two projects may have the same login id
                continue
            status, answer = await operation.request(ask, made, body | {name: value})
            assert (status, is_error(answer)) == (_NOT_FOUND.get(operation.path, 404), True), answer
    assert [await emulator.snapshot(), await emulator.snapshot(other.project_id)] == both


#: The user is there, and the tenant not one of the user's.
_NOT_FOUND = {"/v1/auth/tenant/select": 403}


@every_operation
async def test_the_credentials_of_another_project_are_refused(
    emulator: Emulator, made: dict[str, str], ask: Ask, operation: Operation
) -> None:
    other = await emulator.create_project()
    elsewhere = await furnish(other.project_id, emulator.management_key, ask)
    shown = {"project": made["project"], "management_key": other.management_key}
    before = await emulator.snapshot()
    status, answer = await operation.request(ask, elsewhere | shown)
    if operation.path.startswith("/v1/auth/otp/verify/"):
        return  # is asked for without a credential
    assert (status, is_error(answer)) == (401, True), answer
    assert await emulator.snapshot() == before


@with_a_body
async def test_a_body_that_is_too_large_is_refused(
    made: dict[str, str], ask: Ask, operation: Operation
) -> None:
    body = json.dumps(filled(operation.body, made) | {"unknownToAll": "x" * 2**20})
    bearer = f"{made['project']}:{filled(operation.bearer, made)}"
    data = io.BytesIO(body.encode())
    status, answer = await ask(operation.method, operation.path, bearer, data=data)
    assert (status, is_error(answer)) == (413, True)


_names = sorted({name for operation in OPERATIONS for name in operation.body})
_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**64), 2**64)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(_names) | st.text(), inner),
    max_leaves=8,
)


@st.composite
def _requests(draw: st.DrawFn) -> tuple[Operation, bytes]:
    """An operation, and its own body with some fields replaced, or any bytes."""
    operation = draw(st.sampled_from(OPERATIONS))
    if draw(st.integers(0, 9)) == 0:
        return operation, draw(st.binary(max_size=100))
    fields = st.sampled_from(sorted(operation.body)) if operation.body else st.sampled_from(_names)
    replaced = draw(st.dictionaries(fields, _values, max_size=3))
    return operation, json.dumps(operation.body | replaced).encode()


@given(st.lists(_requests(), min_size=1, max_size=40))
@settings(max_examples=25, deadline=None)
def test_no_body_makes_the_emulator_fail(requests: list[tuple[Operation, bytes]]) -> None:
    async def send_all() -> None:
        async with (
            Emulator(signing_algorithm="ES256") as emulator,
            aiohttp.ClientSession(emulator.base_url) as http,
        ):

            async def ask(
                method: str, path: str, bearer: str, **kwargs: Any
            ) -> tuple[int, dict[str, Any]]:
                headers = {"Authorization": f"Bearer {bearer}"}
                async with http.request(method, path, headers=headers, **kwargs) as response:
                    return response.status, await response.json()

            made = await furnish(emulator.project_id, emulator.management_key, ask)
            for operation, body in requests:
                for name, value in made.items():
                    body = body.replace(b'"$' + name.encode() + b'"', json.dumps(value).encode())  # noqa: PLW2901
                bearer = f"{made['project']}:{filled(operation.bearer, made)}"
                status, answer = await ask(operation.method, operation.path, bearer, data=body)
                assert status < 500 or status == 501, (operation, body, answer)
                assert status == 200 or is_error(answer), answer

    anyio.run(send_all)
