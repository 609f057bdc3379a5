"""Proxies: read so that they mean one thing to every library."""

from __future__ import annotations

import base64
import traceback

import pytest

from descope_async import ConfigurationError
from descope_async._config.base_url import BaseURL, read_base_url
from descope_async._config.proxy import is_excluded, proxy_for, read_proxy
from descope_async._values.secret import Secret

PASSWORD = "geheim€canary:x@"


def base_url(url: str) -> BaseURL:
    return read_base_url(Secret(url))


def credentials(header: str) -> str:
    return base64.b64decode(header.removeprefix("Basic ")).decode()


def test_the_credentials_of_a_proxy_are_taken_out() -> None:
    proxy = read_proxy(
        "HTTPS_PROXY", Secret("http://us%20er:geheim%E2%82%ACcanary:x%40@proxy:3128")
    )
    assert proxy.url == "http://proxy:3128"
    assert credentials(proxy.headers()["Proxy-Authorization"]) == f"us er:{PASSWORD}"
    assert "canary" not in repr(proxy)


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ("proxy:3128", "http://proxy:3128"),
        ("http://Proxy.Company:80/", "http://proxy.company"),
        ("https://proxy", "https://proxy"),
        ("http://user@[::1]:3128", "http://[::1]:3128"),
    ],
)
def test_proxies_are_read(given: str, url: str) -> None:
    assert read_proxy("ALL_PROXY", Secret(given)).url == url


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ("socks5://u:canary@proxy:1080", "SOCKS"),
        ('"http://u:canary@proxy:1080"', "stands in quotes"),
        ("'proxy:1080'\n", "stands in quotes"),
        ("ftp://u:canary@proxy", "http or https"),
        ("http://", "host"),
        ("http://u:canary@", "host"),
        ("http://u:canary@proxy:notaport", "port"),
        ("http://u:canary@proxy:99999", "port"),
        ("http://u:canary@proxy:0", "port"),
        ("http://u:can#ary@proxy:1", "%23"),
        ("http://u:can?ary@proxy:1", "%3F"),
        ("http://u:can/ary@proxy:1", "%2F"),
        ("http://us%3Aer:canary@proxy:1", "colon"),
        ("http://u:canary%0d%0aX:y@proxy:1", "control"),
        ("http://u:canary@[::1]evil", "host"),
        ("http://u:canary@[::1", "host"),
        ("http://u:canary@[not-an-address]", "host"),
        ("http://u:canary@a\u2100b", "host"),
        ("http://u:canary\u2100@proxy", "host"),
    ],
)
def test_a_proxy_that_cannot_be_used_is_refused(given: str, problem: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read_proxy("HTTPS_PROXY", Secret(given))
    assert "HTTPS_PROXY" in str(caught.value)
    assert problem in str(caught.value)
    error, below = caught.value, caught.tb.tb_next  # without the frame of this test
    shown = traceback.TracebackException(type(error), error, below, capture_locals=True)
    assert "canary" not in "".join(shown.format())


@pytest.mark.parametrize(
    ("no_proxy", "is_out"),
    [
        ("", False),
        ("*", True),
        ("descope.com", True),
        (".descope.com", True),
        ("*.descope.com", True),
        ("api.descope.com", True),
        ("API.Descope.com.", True),
        ("other.example, api.descope.com", True),
        ("other.example api.descope.com", True),
        ("api.descope.com:443", True),
        ("api.descope.com:8443", False),
        ("scope.com", False),
        ("xapi.descope.com", False),
        ("10.0.0.0/8", False),
    ],
)
def test_no_proxy_in_all_its_forms(no_proxy: str, is_out: bool) -> None:
    assert is_excluded(base_url("https://api.descope.com"), no_proxy) is is_out


@pytest.mark.parametrize(
    ("no_proxy", "is_out"),
    [("10.0.0.0/8", True), ("10.1.2.3", True), ("10.1.2.3:443", True), ("0.1.2.3", False)],
)
def test_no_proxy_for_addresses(no_proxy: str, is_out: bool) -> None:
    assert is_excluded(base_url("https://10.1.2.3"), no_proxy) is is_out
    assert is_excluded(base_url("https://[fd00::1]"), "fd00::/8, [::1]:443")


def test_which_variable_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    url = base_url("https://api.descope.com")
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    assert proxy_for(url) is None
    for name in ("ALL_PROXY", "HTTPS_PROXY", "https_proxy"):
        monkeypatch.setenv(name, f"http://{name.lower().replace('_', '-')}-{name[0]}")
        found = proxy_for(url)
        assert found is not None
        assert found.url == f"http://{name.lower().replace('_', '-')}-{name[0]}".lower()
    for local in (
        "http://localhost",
        "https://localhost:8443",
        "https://[::1]",
        "https://127.1.2.3",
    ):
        assert proxy_for(base_url(local)) is None
    monkeypatch.setenv("NO_PROXY", "*.descope.com")
    assert proxy_for(url) is None
