"""Settings as people write them, wherever they stand: arguments, variables, files that variables name."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen

import descope_sync
import descope_sync.compat
from descope_async import ConfigurationError, DescopeClient, DescopeError, InvalidArgument
from descope_async.compat.descope_client_async import DescopeClientAsync
from descope_async.emulator.mint import TokenMint
from tests.servers import threaded_server
from tests.tracebacks import shown

PROJECT = "P2aAc4T2V93bddihGEx2Ryhc8e5Z"
JWK = {
    "kty": "EC",
    "crv": "P-256",
    "alg": "ES256",
    "use": "sig",
    "kid": "k1",
    "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
    "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM",
}
MINT = TokenMint(PROJECT)


@frozen
class Service:
    """A service that refuses every request, and keeps what it was sent."""

    base_url: str
    requests: list[bytes]

    def gets(
        self, bearer: str, client: DescopeClient, call: Callable[[], Awaitable[object]]
    ) -> bool:
        """Whether a call of the client brings a credential that ends so."""

        async def use() -> None:
            async with client:
                with pytest.raises(DescopeError):
                    await call()

        asyncio.run(use())
        return any(f":{bearer}\r\n".encode() in request for request in self.requests)


@pytest.fixture
def service() -> Iterator[Service]:
    requests: list[bytes] = []

    def refuse(connection: socket.socket) -> None:
        requests.append(connection.recv(65536))
        connection.sendall(b"HTTP/1.1 403 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

    with threaded_server(refuse) as port:
        yield Service(f"http://127.0.0.1:{port}", requests)


#: By parameter: a value, and what shows that a client of the service has it.
VALUES: dict[str, tuple[str, Callable[[DescopeClient, Service], object]]] = {
    "project_id": (PROJECT, lambda client, _: client.project_id == PROJECT),
    "management_key": (
        "K2management",
        lambda client, service: service.gets(
            "K2management", client, client.mgmt.access_key.search_all_access_keys
        ),
    ),
    "auth_management_key": (
        "K2authentication",
        lambda client, service: service.gets(
            "K2authentication", client, lambda: client.exchange_access_key("K2abcdef")
        ),
    ),
    "base_url": (
        "https://auth.example.com",
        lambda client, _: client.base_url == "https://auth.example.com",
    ),
    "public_key": (
        json.dumps(json.loads(MINT.key_set)["keys"][0]),
        lambda client, _: client.validate_session_nowait(MINT.token()),
    ),
}
VARIABLES = {
    "project_id": ["DESCOPE_PROJECT_ID"],
    "management_key": ["DESCOPE_MANAGEMENT_KEY"],
    "auth_management_key": ["DESCOPE_AUTH_MANAGEMENT_KEY"],
    "base_url": ["DESCOPE_BASE_URI", "DESCOPE_BASE_URL"],
    "public_key": ["DESCOPE_PUBLIC_KEY"],
}
WRITTEN = (
    "{}",
    "  {}\r\n",
    "\ufeff{}\n",
    "'{}'",
    '"{}"',
    "NAME={}",
    "NAME = {}",
    "NAME='{}'",
    '"NAME={}"',
    '\ufeffexport NAME="{}"\r\n',
)
NO_VALUES = (
    "xxxx",
    "__ProjectID__",
    "<project-id>",
    "[here]",
    "$SOMETHING",
    "${SOMETHING}",
    "$(pass descope)",
    "%SOMETHING%",
    "your-key-here",
    "None",
    "null",
    "undefined",
    "TODO",
    "NAME=xxxx",
    "'<project-id>'",
)
#: Lines of an environment file about something else.
OTHERS = (
    "DESCOPE_SOMETHING=abc",
    "export DESCOPE_SOMETHING='abc'",
    '"DESCOPE_SOMETHING=abc"',
    "DESCOPE_ACCESS_KEY=K2abcdefabcdefabcdefabcdef",
)
#: Values that are refused, and hold a secret that belongs elsewhere or nowhere.
SECRETS: dict[str, tuple[object, ...]] = {
    "project_id": ("K2" + "canary" * 10, "canary" * 30, "P1;canary", {"canary": 1}),
    "management_key": ("K2canary:canary", {"canary": 1}),
    "auth_management_key": ("K2canary 2", {"canary": 1}),
    "base_url": (
        "https://user:canary@auth.example.com",
        "https://auth.example.com?key=canary",
        "https://auth.example.com/canary/../x",
        "https://auth.example.com:canary",
        "K2canary",
        {"canary": 1},
    ),
    "public_key": (
        {**JWK, "d": "canary"},
        {"keys": [{**JWK, "d": "canary"}]},
        {"canary": float("nan")},
        {5: "canary"},
        json.dumps({**JWK, "d": "canary"}),
        '{"canary',
        "K2canary",
        ["canary"],
    ),
}
SECRETS["key_set"] = SECRETS["public_key"]
#: What no setting may be.
EVERYWHERE = ("<canary>", "DESCOPE_SOMETHING=canary", "your-key-canary")
CLIENTS: dict[str, Callable[..., object]] = {
    "async": DescopeClient,
    "sync": descope_sync.DescopeClient,
    "compat": DescopeClientAsync,
    "compat, sync": descope_sync.compat.DescopeClient,
}
EACH = [(parameter, name) for parameter, names in VARIABLES.items() for name in names]


def client_of(**settings: Any) -> DescopeClient:
    given = {"project_id": PROJECT, "management_key": "K2other", **settings}
    return DescopeClient(**{name: value for name, value in given.items() if value is not None})


@pytest.mark.parametrize("written", WRITTEN)
@pytest.mark.parametrize(("parameter", "variable"), EACH)
@pytest.mark.parametrize("place", ["argument", "variable", "file"])
def test_what_surely_is_no_part_of_a_value_is_taken_off(
    parameter: str,
    variable: str,
    written: str,
    place: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    service: Service,
) -> None:
    value, is_known = VALUES[parameter]
    text = written.replace("NAME", variable).format(value)
    if place == "argument":
        client = client_of(**{"base_url": service.base_url, parameter: text})
    elif place == "variable":
        monkeypatch.setenv(variable, text)
        client = client_of(**{"base_url": service.base_url, parameter: None})
    else:
        (tmp_path / "it").write_text(text, encoding="utf-8")
        monkeypatch.setenv(f"{variable}_FILE", str(tmp_path / "it"))
        client = client_of(**{"base_url": service.base_url, parameter: None})
    assert is_known(client, service)


@pytest.mark.parametrize("written", NO_VALUES)
@pytest.mark.parametrize(("parameter", "variable"), EACH)
def test_a_placeholder_is_refused_by_the_name_of_its_place(
    parameter: str, variable: str, written: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = written.replace("NAME", variable)
    with pytest.raises(ConfigurationError, match=f"{parameter} is a placeholder"):
        client_of(**{parameter: text})
    monkeypatch.setenv(variable, text)
    with pytest.raises(ConfigurationError, match=f"{variable} is a placeholder"):
        client_of(**{parameter: None})


@pytest.mark.parametrize(("parameter", "variable"), EACH)
def test_a_line_about_another_setting_is_refused(
    parameter: str, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    others = [
        f"{name}={VALUES[other][0]}"
        for other, names in VARIABLES.items()
        for name in names
        if other != parameter
    ]
    for text in (*others, *OTHERS):
        name = text.strip("\"'").removeprefix("export ").partition("=")[0]
        with pytest.raises(ConfigurationError) as caught:
            client_of(**{parameter: text})
        assert f"{parameter} holds {name}=…, which is another setting" in str(caught.value)
        monkeypatch.setenv(variable, text)
        with pytest.raises(ConfigurationError, match=f"{variable} holds {name}="):
            client_of(**{parameter: None})


@pytest.mark.parametrize("name", [*(name for _, name in EACH), "DESCOPE_MANAGEMENT_KEY_FILE"])
async def test_no_other_setting_is_sent_as_an_access_key(name: str) -> None:
    async with client_of() as client:
        for text in (f"{name}=K2abcdef", f"'{name}=K2abcdef'"):
            with pytest.raises(InvalidArgument, match=name) as caught:
                client.token_source(text)
            assert "K2abcdef" not in str(caught.value)
        client.token_source("DESCOPE_BILLING_ACCESS_KEY=K2abcdefabcdefabcdef")


def test_the_variables_of_one_setting_stand_for_each_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DESCOPE_BASE_URL", "DESCOPE_BASE_URI=https://auth.example.com")
    assert client_of().base_url == "https://auth.example.com"


@pytest.mark.parametrize("written", ["", "  ", '""', "''", "NAME=", "NAME=''", "export NAME="])
@pytest.mark.parametrize(("parameter", "variable"), EACH)
def test_an_empty_value_is_none(
    parameter: str,
    variable: str,
    written: str,
    monkeypatch: pytest.MonkeyPatch,
    service: Service,
) -> None:
    text = written.replace("NAME", variable)
    monkeypatch.setenv(variable, text)
    client = client_of(**{parameter: None})
    assert client.base_url == "https://api.descope.com"
    assert len(client.check()) == (parameter in {"project_id", "management_key"})
    monkeypatch.setenv(variable, VALUES[parameter][0])
    client = client_of(**{"base_url": service.base_url, parameter: text})
    assert VALUES[parameter][1](client, service), "which leaves the variable"


def test_json_in_the_place_of_a_key_is_no_placeholder() -> None:
    with pytest.raises(ConfigurationError, match="holds a quotation mark"):
        client_of(management_key='{"cleartext": "K2abc"}')


def test_a_file_is_named_as_people_write_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "project").write_text(PROJECT, encoding="utf-8")
    monkeypatch.setenv("HOME", str(tmp_path))
    for written in (
        "~/project",
        f'"{tmp_path}/project"',
        f"DESCOPE_PROJECT_ID_FILE={tmp_path}/project\n",
    ):
        monkeypatch.setenv("DESCOPE_PROJECT_ID_FILE", written)
        assert client_of(project_id=None).project_id == PROJECT


def test_kept_keys_are_read_like_a_public_key() -> None:
    kept = json.dumps({"keys": [JWK]})
    for written in WRITTEN:
        client = client_of(key_set=written.replace("NAME", "KEYS").format(kept))
        assert json.loads(client.export_key_set() or "") == {"keys": [JWK]}
    with pytest.raises(ConfigurationError, match="key_set is a placeholder"):
        client_of(key_set="${KEYS}")


@pytest.mark.parametrize(
    ("parameter", "client"),
    [
        (parameter, client)
        for parameter in SECRETS
        for client in CLIENTS
        if parameter != "key_set" or "compat" not in client  # which has no such parameter
    ],
)
def test_no_frame_shows_an_argument_that_was_refused(parameter: str, client: str) -> None:
    for value in (*SECRETS[parameter], *EVERYWHERE):
        given: dict[str, Any] = {"project_id": PROJECT, parameter: value}
        with pytest.raises(DescopeError, match=parameter) as caught:
            CLIENTS[client](**given)
        assert "canary" not in shown(caught.value, without=__file__)


@pytest.mark.parametrize("place", ["variable", "file"])
@pytest.mark.parametrize(("parameter", "variable"), EACH)
def test_no_frame_shows_a_variable_that_was_refused(
    parameter: str, variable: str, place: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for value in (*SECRETS[parameter], *EVERYWHERE):
        if not isinstance(value, str):
            continue
        if place == "variable":
            monkeypatch.setenv(variable, value)
        else:
            (tmp_path / "it").write_text(value, encoding="utf-8")
            monkeypatch.setenv(f"{variable}_FILE", str(tmp_path / "it"))
        with pytest.raises(ConfigurationError, match=variable) as caught:
            client_of(**{parameter: None})
        assert "canary" not in shown(caught.value, without=__file__)


@pytest.mark.parametrize("refused", SECRETS)
def test_no_frame_shows_an_argument_beside_the_one_that_was_refused(refused: str) -> None:
    given: dict[str, Any] = {
        "project_id": PROJECT,
        "management_key": "K2canary",
        "auth_management_key": "K2canary",
        "headers": {"x-canary": "canary"},
        refused: "DESCOPE_SOMETHING=x",
    }
    if refused not in {"public_key", "key_set"}:
        given["public_key"] = {**JWK, "x5t": "canary"}
    with pytest.raises(ConfigurationError, match=refused) as caught:
        DescopeClient(**given)
    assert "canary" not in shown(caught.value, without=__file__)


@pytest.mark.parametrize(("parameter", "variable"), EACH)
async def test_no_frame_shows_a_variable_that_was_refused_at_first_use(
    parameter: str, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def use(client: DescopeClient) -> None:
        if parameter == "management_key":
            await client.mgmt.access_key.load("K2id")
        elif parameter == "auth_management_key":
            await client.exchange_access_key("K2key")
        else:
            await client.validate_session("a.b.c")

    for value in (*SECRETS[parameter], *EVERYWHERE):
        if not isinstance(value, str):
            continue
        monkeypatch.delenv(variable, raising=False)
        client = client_of(**{parameter: None})
        monkeypatch.setenv(variable, value)
        with pytest.raises(ConfigurationError, match=variable) as caught:
            await use(client)
        assert "canary" not in shown(caught.value, without=__file__)


@pytest.mark.parametrize(("parameter", "variable"), EACH)
@pytest.mark.parametrize(
    "value",
    [
        "K2" + "canary" * 6,
        json.dumps({**JWK, "d": "canary" * 60}),
        "https://user:canary@auth.example.com",
        "NAME='K2canarycanarycanarycanarycanarycanary'",
    ],
)
def test_a_value_in_the_place_of_a_file_is_not_shown(
    parameter: str, variable: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = client_of(**{parameter: None})
    monkeypatch.setenv(f"{variable}_FILE", value.replace("NAME", f"{variable}_FILE"))
    why = f"{variable}_FILE must name a file, and holds a value itself: set {variable} instead"
    with pytest.raises(ConfigurationError, match=why) as caught:
        client_of(**{parameter: None})
    assert "canary" not in shown(caught.value, without=__file__)
    assert client.check() == [why]
