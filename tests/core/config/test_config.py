from __future__ import annotations

import ssl
from types import MappingProxyType
from typing import Any

import pytest

from descope_async import ConfigurationError, DescopeClient, Retries, Timeouts
from descope_async._config.config import Config, resolve
from descope_async._config.project import default_base_url
from descope_async._values.secret import Secret

DEEP: dict[str, Any] = {}
for _ in range(100_000):
    DEEP = {"x": DEEP}

SHORT = "P2aAc4T2V93bddihGEx2Ryhc8e5Z"


def configured(environment: dict[str, str] | None = None, **given: Any) -> Config:
    texts = ("management_key", "auth_management_key", "base_url", "public_key", "key_set")
    written = {name: Secret[object](given.pop(name, None)) for name in texts}
    written["project_id"] = Secret(given.pop("project_id", SHORT))
    settings: dict[str, Any] = {
        "leeway": 5,
        "issuers": None,
        "timeouts": None,
        "retries": None,
        "ssl": None,
        "trust_env": False,
    }
    return resolve(written, **{**settings, **given}, environment=Secret(environment or {}))


@pytest.mark.parametrize(
    ("project_id", "host"),
    [
        ("Puse", "api.descope.com"),
        ("Puse1ar", "api.descope.com"),
        (SHORT, "api.descope.com"),
        ("Puse12aAc4T2V93bddihGEx2Ryhc8e5Z", "api.use1.descope.com"),
        ("Puse12aAc4T2V93bddihGEx2Ryhc8e5Zfoobar", "api.use1.descope.com"),
    ],
)
def test_the_region_is_part_of_a_long_project_id(project_id: str, host: str) -> None:
    assert default_base_url(project_id) == f"https://{host}"


def test_arguments_win_over_the_environment() -> None:
    environment = {
        "DESCOPE_PROJECT_ID": "Penv",
        "DESCOPE_MANAGEMENT_KEY": "Kenv\n",
        "DESCOPE_AUTH_MANAGEMENT_KEY": "Kauth",
        "DESCOPE_BASE_URI": "https://uri.example/",
        "DESCOPE_BASE_URL": "https://url.example",
    }
    found = configured(environment, project_id=None)
    assert found.project.id == "Penv"
    assert found.deployment.management_bearer.reveal() == "Penv:Kenv"
    assert found.deployment.exchange_bearer(Secret("AK")).reveal() == "Penv:AK:Kauth"
    assert str(found.project.base_url) == "https://uri.example"

    given = configured(
        environment, project_id="Parg", management_key=" Karg ", base_url="https://arg.example//"
    )
    assert given.deployment.management_bearer.reveal() == "Parg:Karg"
    assert str(given.project.base_url) == "https://arg.example"

    del environment["DESCOPE_BASE_URI"]
    assert str(configured(environment).project.base_url) == "https://url.example"


def test_exchange_needs_no_management_key() -> None:
    found = configured()
    assert found.deployment.exchange_bearer(Secret("AK")).reveal() == f"{SHORT}:AK"
    with pytest.raises(ConfigurationError, match="DESCOPE_MANAGEMENT_KEY"):
        _ = found.deployment.management_bearer


@pytest.mark.parametrize(
    ("setting", "value", "why"),
    [
        ("project_id", "P1 # prod", "holds a space"),
        ("project_id", "P1;", "holds ';'"),
        ("project_id", "P1\u200b", r"holds U\+200B"),
        ("project_id", "K2" + "canary" * 10, "looks like a key"),
        ("project_id", "descope_management_key=K2canary", "is another setting"),
        ("management_key", SHORT, "looks like the id of a project"),
        ("base_url", "https://auth.example.com # eu", "holds a space"),
        ("project_id", "P:K", "letters and digits"),
        ("project_id", "Pé", "letters and digits"),
        ("project_id", 5, "must be a string"),
        ("project_id", 0, "must be a string"),
        ("management_key", "Kcanary\x00", "control character"),
        ("management_key", 5, "must be a string"),
        ("auth_management_key", "K canary", "space"),
        ("base_url", "http://api.example.com", "https"),
        ("base_url", "http://10.0.0.1:80", "https"),
        ("base_url", "ftp://example.com", "begins with https"),
        ("base_url", "example.com", "begins with https"),
        ("base_url", "https://", "a port from 1 to 65535"),
        ("base_url", "https://x:99999", "a port from 1 to 65535"),
        ("base_url", "https://a..b", "a port from 1 to 65535"),
        ("base_url", f"https://{'a' * 300}.com", "a port from 1 to 65535"),
        ("base_url", "https://user:pw@example.com", "credentials"),
        ("base_url", "https://example.com?a=b", "query"),
        ("base_url", "https://example.com/\r\nHost: x", "holds a space or a line end"),
        ("base_url", "https://example.com/?", "query"),
        ("base_url", "https://example.com/#", "fragment"),
        ("base_url", 5, "must be a string"),
        ("base_url", 0, "must be a string"),
        ("leeway", -1, "0 to 300"),
        ("leeway", 301, "0 to 300"),
        ("leeway", True, "0 to 300"),
        ("leeway", "5", "0 to 300"),
        ("leeway", float("nan"), "0 to 300"),
        ("issuers", "https://one.example", "list of strings"),
        ("timeouts", 5, "Timeouts"),
        ("timeouts", {"total": 5}, "connect, read"),
        ("timeouts", {"read": 0}, "timeouts.read"),
        ("timeouts", {"read": float("inf")}, "timeouts.read"),
        ("ssl", False, "SSLContext"),
        ("timeouts", {"connect": 10**400}, "timeouts.connect"),
        ("public_key", 5, "string"),
        ("public_key", [], "string"),
        ("public_key", {"kty": float("nan")}, "public_key cannot be written as JSON"),
        ("public_key", {"kty": "\ud800"}, "public_key cannot be written as JSON"),
        ("public_key", DEEP, "public_key is nested too deeply"),
        ("key_set", {1: "a"}, "key_set has a key that is not a string"),
        ("retries", {"attempts": 1.5}, "whole number from 1 to 20"),
        ("key_set", 5, "string"),
        ("key_set", b"{}", "string"),
    ],
)
def test_unusable_settings_are_named(setting: str, value: object, why: str) -> None:
    with pytest.raises(ConfigurationError, match=why) as caught:
        configured(None, **{setting: value})
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:8080", "http://localhost", "http://[::1]:99", "http://descope.localhost"],
)
def test_plain_http_is_allowed_to_this_machine(url: str) -> None:
    assert str(configured(base_url=url).project.base_url) == url


def test_kept_keys_beside_a_pinned_one_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="key_set has no use"):
        configured(public_key="{}", key_set="{}")
    with pytest.raises(ConfigurationError, match="key_set has no use"):
        configured({"DESCOPE_PUBLIC_KEY": "{}"}, key_set="{}")


def test_keys_may_be_any_mapping() -> None:
    kept = configured(key_set=MappingProxyType({"keys": []})).key_set
    assert kept is not None
    assert kept.text.reveal() == '{"keys": []}'


@pytest.mark.parametrize(
    "public_key", ["{", "[]", "{}", '{"keys": []}', '{"keys": [1]}', '{"kty": "oct", "k": "x"}']
)
def test_an_unusable_pinned_key_is_refused(public_key: str) -> None:
    with pytest.raises(ConfigurationError, match="public_key"):
        DescopeClient("P1", public_key=public_key)


def test_timeouts_and_tls_settings_are_kept() -> None:
    context = ssl.create_default_context()
    found = configured(timeouts={"read": 3}, ssl=context)
    assert found.timeouts == Timeouts(read=3)
    assert found.project.ssl is context


def test_the_constructor_needs_no_loop_and_shows_no_key() -> None:
    client = DescopeClient("P1", "Kcanary", auth_management_key="Kcanary2")
    assert "canary" not in repr(client)
    assert "canary" not in repr(
        configured(management_key="Kcanary", auth_management_key="Kcanary2")
    )


def test_rules_of_repeats_that_can_be() -> None:
    assert configured().retries == Retries()
    assert configured(retries={"attempts": 5}).retries == Retries(attempts=5)
    assert configured(retries=Retries(max_wait=0)).retries.max_wait == 0
