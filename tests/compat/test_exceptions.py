"""Which official exception an error becomes, and what it still says."""

from __future__ import annotations

import inspect
import json
import pickle
import socket
import subprocess
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import anyio.to_thread
import descope
import pytest

import descope_async
from descope_async import errors
from descope_async.compat.exceptions import official_errors
from descope_sync import compat
from descope_sync.compat import AuthException, DescopeClient, RateLimitException
from tests.servers import threaded_server

SECRET = "Kc4naryC4nary"
JWT = "eyJhbGciOiJSUzI1NiJ9.e30.c2VjcmV0"


@contextmanager
def answering(status: str, body: str, *headers: str) -> Iterator[str]:
    """A server with one answer to everything; an empty status hangs up."""
    head = "".join(f"{line}\r\n" for line in (*headers, f"Content-Length: {len(body.encode())}"))
    said = f"HTTP/1.1 {status}\r\nConnection: close\r\n{head}\r\n{body}" if status else ""

    def serve(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(said.encode())

    with threaded_server(serve) as port:
        yield f"http://127.0.0.1:{port}"


def refused(base_url: str, call: str = "load") -> Any:
    """What a call raises."""
    with DescopeClient("P1", management_key=SECRET, base_url=base_url, timeout_seconds=5) as client:
        method = (
            client.exchange_access_key
            if call == "exchange"
            else getattr(client.mgmt.access_key, call)
        )
        with pytest.raises(AuthException) as caught:
            method("id")
    return caught.value


@pytest.mark.parametrize("status", ["400", "401", "403", "404", "409", "418", "500"])
def test_an_error_status(status: str) -> None:
    said = {"errorCode": "E1", "errorDescription": "d", "errorMessage": "m"}
    with answering(f"{status} X", json.dumps(said), "x-request-id: r1") as url:
        error = refused(url)
    assert not isinstance(error, RateLimitException)
    assert (error.status_code, error.error_type) == (int(status), "server error")
    assert json.loads(str(error.error_message)) == said
    assert (error.error_code, error.error_description, error.request_id) == ("E1", "d", "r1")
    assert error.operation == "access_key.load"
    assert isinstance(error.__cause__, errors.ApiError)


def test_an_error_that_says_nothing() -> None:
    with answering("404 Not Found", "<html>") as url:
        error = refused(url)
    assert error.error_message == "access_key.load: 404 Not Found"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    # The longest first: what is waited for by itself is too long for a test.
    [(["Retry-After: 70"], 70), ([], 60), (["Retry-After: soon"], 60)],
)
@pytest.mark.parametrize(
    "body", ['{"errorCode": "E130429", "errorMessage": "slow down"}', "<html>"]
)
def test_a_rate_limit(headers: list[str], seconds: int, body: str) -> None:
    with answering("429 Too Many Requests", body, *headers) as url:
        error = refused(url, "create")
    assert isinstance(error, RateLimitException)
    assert type(error).__name__ == "RateLimitException"
    assert isinstance(error, AuthException)
    assert (error.status_code, error.error_type) == (429, compat.ERROR_TYPE_API_RATE_LIMIT)
    assert error.rate_limit_parameters == {compat.API_RATE_LIMIT_RETRY_AFTER_HEADER: seconds}
    assert error.retry_after == seconds
    assert error.error_message == ("slow down" if "slow" in body else None)


def test_more_members_than_a_key_may_have(unused_port: int) -> None:
    many = {"list": [1] * 12_000}
    with DescopeClient(
        "P1", management_key=SECRET, base_url=f"http://127.0.0.1:{unused_port}"
    ) as client:
        with pytest.raises(AuthException, match="12,000 members") as caught:
            client.mgmt.access_key.create("n", custom_claims=many)
        assert caught.value.status_code == 400  # and not 503: nothing was sent
    key = {"id": "AK1", "name": "n", "customClaims": {"list": [1] * 20_000}}
    with answering("200 OK", json.dumps({"key": key})) as url:
        error = refused(url)
    assert error.status_code == 502
    assert "20,000 members" in str(error.error_message)


@pytest.mark.parametrize("call", ["create", "load", "exchange"])
def test_no_answer(call: str, unused_port: int) -> None:
    error = refused(f"http://127.0.0.1:{unused_port}", call)
    assert not isinstance(error, RateLimitException)
    assert (error.status_code, error.error_type) == (503, "no answer")
    assert isinstance(error.__cause__, errors.RequestFailed)


@pytest.mark.parametrize(
    ("call", "status", "error_type", "cause"),
    [
        ("create", 500, "outcome unknown", errors.OutcomeUnknown),
        ("load", 503, "no answer", errors.RequestFailed),
        ("exchange", 503, "no answer", errors.RequestFailed),
    ],
)
def test_hanging_up(call: str, status: int, error_type: str, cause: type[Exception]) -> None:
    with answering("", "") as url:
        error = refused(url, call)
    assert not isinstance(error, RateLimitException)
    assert (error.status_code, error.error_type) == (status, error_type)
    assert isinstance(error.__cause__, cause)


def test_an_answer_that_makes_no_sense_keeps_its_secret() -> None:
    with answering("200 OK", json.dumps({"key": 3, "cleartext": "the secret"})) as url:
        error = refused(url, "create")
    assert (error.status_code, error.error_type) == (502, "server error")
    assert isinstance(error.__cause__, errors.UnexpectedResponse)
    assert error.__cause__.cleartext == "the secret"
    assert "the secret" not in "".join(traceback.format_exception(error))


@pytest.mark.parametrize("token", ["", "a.b.c", JWT, None, 3])
def test_a_refused_token(token: Any) -> None:
    with pytest.raises(AuthException) as caught:
        DescopeClient("P1", base_url="http://127.0.0.1:1").validate_session_nowait(token)
    assert (caught.value.status_code, caught.value.error_type) == (401, "invalid token")
    assert isinstance(caught.value.__cause__, errors.TokenError)


def test_keys_that_cannot_be_had_are_not_the_tokens_fault(unused_port: int) -> None:
    from descope_sync.emulator import Emulator

    with Emulator() as emulator:
        client = DescopeClient(
            emulator.project_id,
            management_key=emulator.management_key,
            base_url=emulator.base_url,
        )
        secret = client.mgmt.access_key.create("n")["cleartext"]
        token = client.exchange_access_key(secret)["sessionToken"]["jwt"]
    other = DescopeClient("P1", base_url=f"http://127.0.0.1:{unused_port}")
    with pytest.raises(AuthException) as caught:
        other.validate_session(token)
    assert caught.value.status_code == 503


def tree(cls: type[errors.DescopeError]) -> Iterator[type[errors.DescopeError]]:
    yield cls
    for each in cls.__subclasses__():
        if each.__module__ == errors.__name__:
            yield from tree(each)


@pytest.mark.parametrize("cls", list(tree(errors.DescopeError)))
def test_every_error_of_the_tree_has_its_place(cls: type[errors.DescopeError]) -> None:
    error = cls("m", status_code=418) if issubclass(cls, errors.ApiError) else cls("m")
    with pytest.raises(errors.DescopeError) as caught, official_errors():
        raise error
    if cls in {errors.DescopeError, errors.ClientClosed}:  # a mistake of the program
        assert caught.value is error
        return
    assert isinstance(caught.value, AuthException)
    assert isinstance(caught.value.status_code, int)
    assert caught.value.status_code >= 400
    assert caught.value.error_message or isinstance(caught.value, RateLimitException)
    assert caught.value.__cause__ is error


def test_an_exception_that_is_no_error_of_ours_passes() -> None:
    with pytest.raises(KeyError), official_errors():
        raise KeyError("x")


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("AuthException", ()),
        ("AuthException", (401, "invalid token", "m")),
        ("RateLimitException", ()),
        ("RateLimitException", (429, "t", "d", "m", {"Retry-After": 3})),
    ],
)
def test_raised_by_the_callers_themselves(name: str, arguments: tuple[Any, ...]) -> None:
    """In a program without the official SDK, where the classes are ours."""
    script = f"""
import inspect, json, pickle, sys
sys.modules["descope"] = None  # as where it is not installed
from descope_sync import compat
mine = compat.{name}(*{arguments!r})
copy = pickle.loads(pickle.dumps(mine))
assert type(copy) is type(mine)
assert vars(copy) == vars(mine)
assert str(copy) == str(mine)
parameters = list(inspect.signature(compat.{name}).parameters)
print(json.dumps([vars(mine), str(mine), repr(mine), parameters]))
"""
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    mine, said, shown, parameters = json.loads(done.stdout)
    theirs = getattr(descope, name)(*arguments)
    expected = vars(theirs)
    if name == "RateLimitException":
        expected["rate_limit_parameters"] = expected["rate_limit_parameters"] or {}
    assert {key: mine[key] for key in expected} == expected
    if arguments:
        assert said == str(theirs)
        assert shown == f"{name}({theirs})"
    assert parameters == [
        each for each in inspect.signature(getattr(descope, name)).parameters if each != "kwargs"
    ]


def test_what_was_mapped_can_be_pickled() -> None:
    with answering("429 X", '{"errorCode": "E130429"}', "Retry-After: 70", "cf-ray: r") as url:
        error = refused(url)
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own
    assert vars(copy) == vars(error)
    assert copy.request_id == "r"
    with pytest.raises(compat.UnsupportedFeature) as caught:
        getattr(DescopeClient("P1"), "otp")  # noqa: B009 - a type checker knows better
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)  # noqa: S301 - our own


@pytest.mark.parametrize("method", ["exchange_access_key", "validate_session"])
@pytest.mark.parametrize("blocking", [True, False])
async def test_no_secret_in_a_traceback(method: str, blocking: bool, unused_port: int) -> None:
    """Not even in one that shows every variable of every frame of the package."""
    given = {"exchange_access_key": SECRET, "validate_session": JWT}[method]
    settings = {"management_key": f"M{SECRET}", "auth_management_key": f"A{SECRET}"}
    cls: Any = DescopeClient if blocking else compat.DescopeClientAsync
    client = cls("P1", base_url=f"http://127.0.0.1:{unused_port}", **settings)
    call = getattr(client, method)
    with pytest.raises(AuthException) as caught:
        await (anyio.to_thread.run_sync(call, given) if blocking else call(given))
    error = caught.value
    shown = traceback.TracebackException.from_exception(error, capture_locals=True)
    frames = [
        line
        for part in (shown, shown.__cause__)
        if part
        for frame in part.stack
        if "/descope_" in frame.filename
        for line in (frame.locals or {}).values()
    ]
    assert frames
    assert given not in str(frames) + str(error) + repr(error)
    assert SECRET not in str(frames)


@pytest.mark.parametrize("method", ["validate", "get_matched"])
@pytest.mark.parametrize("what", ["permissions", "roles"])
@pytest.mark.parametrize("tenant", [(), ("t1",)])
def test_a_refused_question_shows_no_token(method: str, what: str, tenant: tuple[str, ...]) -> None:
    name = "_".join([method, *(["tenant"] if tenant else []), what])
    response = {"sessionToken": {"jwt": JWT, "tenants": {"t1": {}}}, "roles": [], "permissions": []}
    with pytest.raises(AuthException) as caught:
        getattr(DescopeClient("P1"), name)(response, *tenant, 5)
    shown = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    frames = [
        str(frame.locals)
        for part in (shown, shown.__cause__)
        if part
        for frame in part.stack
        if "/descope_" in frame.filename
    ]
    assert frames
    assert JWT not in str(frames)


def test_a_refused_constructor_shows_no_secret() -> None:
    with pytest.raises(AuthException) as caught:
        DescopeClient("P 1", management_key=SECRET, auth_management_key=SECRET)
    shown = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    frames = [each.locals for each in shown.stack if "/descope_" in each.filename]
    assert frames
    assert SECRET not in str(frames)


def test_the_tree_catches_it_too() -> None:
    with pytest.raises(descope_async.DescopeError):
        DescopeClient("")
