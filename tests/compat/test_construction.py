"""What the official constructor's parameters do here."""

from __future__ import annotations

import gc
import json
import ssl
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from descope_sync.compat import AuthException, DescopeClient, DescopeClientAsync
from descope_sync.emulator import Emulator


@pytest.mark.parametrize("cls", [DescopeClient, DescopeClientAsync])
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"project_id": ""}, "no project id"),
        ({"project_id": 3}, "project_id must be a string"),
        ({"skip_verify": True}, "skip_verify is refused"),
        ({"skip_verify": True, "base_url": "https://127.0.0.1:1"}, "skip_verify is refused"),
        ({"timeout_seconds": 0}, "timeout_seconds must be a positive number"),
        ({"timeout_seconds": None}, "timeout_seconds must be a positive number"),
        ({"timeout_seconds": "60"}, "timeout_seconds must be a positive number"),
        ({"jwt_validation_leeway": -1}, "jwt_validation_leeway must be"),
        ({"public_key": "no JSON"}, "public_key"),
        ({"public_key": {"kty": "RSA"}}, "public_key"),
        ({"public_key": {"kty": object()}}, "public_key cannot be written as JSON"),
        ({"public_key": 3}, "public_key must be a string"),
        ({"management_key": "a b"}, "management_key holds a space"),
        ({"base_url": "http://descope.example"}, "base_url must use https"),
        ({"ssl": False}, "ssl must be an ssl.SSLContext"),
        ({"issuers": "https://x"}, "issuers must be a list"),
    ],
)
def test_what_is_refused(cls: Any, arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(AuthException, match=said) as caught:
        cls(**{"project_id": "P1", **arguments})
    assert (caught.value.status_code, caught.value.error_type) == (400, "invalid argument")


@pytest.mark.parametrize("cls", [DescopeClient, DescopeClientAsync])
def test_what_is_taken(cls: Any) -> None:
    cls("P1", None, False, "K1", 10, 5, "K2", "https://fga.example", base_url=None, verbose=True)
    cls("P1", skip_verify=True, base_url="http://localhost:1")
    cls("P1", timeout_seconds=0.5, ssl=ssl.create_default_context(), issuers=["https://x/P1"])


def test_the_environment_counts(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in emulator.environment.items():
        monkeypatch.setenv(name, value)
    assert DescopeClient().mgmt.access_key.search_all_access_keys() == {"keys": []}


def test_without_a_management_key(emulator: Emulator) -> None:
    client = DescopeClient(emulator.project_id, base_url=emulator.base_url)
    with pytest.raises(AuthException, match="needs a management key"):
        client.mgmt.access_key.load("id")


def test_a_pinned_key_as_a_dict(emulator: Emulator, settings: dict[str, Any]) -> None:
    client = DescopeClient(**settings)
    secret = client.mgmt.access_key.create("n")["cleartext"]
    token = client.exchange_access_key(secret)["sessionToken"]["jwt"]

    url = f"{emulator.base_url}/v2/keys/{emulator.project_id}"
    with urlopen(url, timeout=120) as answer:  # noqa: S310 - http
        published: dict[str, Any] = json.load(answer)
    renamed = {"keys": [{**key, "kid": "another"} for key in published["keys"]]}
    for as_given in (dict, json.dumps):
        pinned: Any = as_given(published)
        client = DescopeClient(emulator.project_id, pinned, base_url=emulator.base_url)
        assert client.validate_session_nowait(token)  # no key was fetched for it
        pinned = as_given(renamed)
        client = DescopeClient(emulator.project_id, pinned, base_url=emulator.base_url)
        with pytest.raises(AuthException) as caught:
            client.validate_session(token)
        assert caught.value.status_code == 401


def test_nobody_need_close_it(settings: dict[str, Any]) -> None:
    """The official blocking client cannot be closed."""
    client = DescopeClient(**settings)
    client.mgmt.access_key.search_all_access_keys()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        del client
        gc.collect()
    assert [str(each.message) for each in caught] == []


async def test_opened_and_closed_as_the_official_one(settings: dict[str, Any]) -> None:
    async with DescopeClientAsync(**settings) as client:
        assert await client.aopen() is client
        assert await client.mgmt.access_key.search_all_access_keys() == {"keys": []}
    await client.aclose()


SCRIPT = """
import sys
from descope_sync.compat import DescopeClient
client = DescopeClient(project_id=sys.argv[1], management_key=sys.argv[2], base_url=sys.argv[3])
print(client.mgmt.access_key.search_all_access_keys())
"""


def test_a_script_that_closes_nothing_ends_quietly(emulator: Emulator) -> None:
    done = subprocess.run(
        [
            *(sys.executable, "-W", "error", "-c", SCRIPT),
            *(emulator.project_id, emulator.management_key, emulator.base_url),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "{'keys': []}\n", "")


MISUSE = """
from descope_sync.compat import DescopeClient, UserObj

client = DescopeClient("P1")
client.otp
client.mgmt.user
client.mgmt.access_key
client.refresh_session("x")
"""


def test_a_type_checker_points_at_what_cannot_move(tmp_path: Path) -> None:
    pytest.importorskip("mypy")
    (tmp_path / "app.py").write_text(MISUSE)
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "app.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    errors = [line for line in done.stdout.splitlines() if ": error:" in line]
    assert [line.split(":")[1] for line in errors] == ["2", "5", "6", "8"]
