"""Base URLs: read so that they mean one thing to every library."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from descope_async import ConfigurationError
from descope_async._config.base_url import BaseURL, read_base_url
from descope_async._values.secret import Secret


def base_url(url: str) -> BaseURL:
    return read_base_url(Secret(url))


@pytest.mark.parametrize(
    ("spelling", "url"),
    [
        ("https://auth.company.com", "https://auth.company.com"),
        ("https://Auth.Company.COM", "https://auth.company.com"),
        ("HTTPS://auth.company.com", "https://auth.company.com"),
        ("https://auth.company.com:443", "https://auth.company.com"),
        ("https://auth.company.com:", "https://auth.company.com"),
        ("https://auth.company.com.", "https://auth.company.com"),
        ("https://auth.company.com//", "https://auth.company.com"),
        (" https://auth.company.com:8443/descope/ ", "https://auth.company.com:8443/descope"),
        ("https://münchen.example", "https://xn--mnchen-3ya.example"),
        ("https://XN--MNCHEN-3YA.example", "https://xn--mnchen-3ya.example"),
        ("http://127.0.0.1:80", "http://127.0.0.1"),
        ("http://[0:0::1]:8080", "http://[::1]:8080"),
        ("https://my_container:8000", "https://my_container:8000"),
        ("https://8.8.8.8", "https://8.8.8.8"),
    ],
)
def test_every_spelling_of_a_url_is_that_url(spelling: str, url: str) -> None:
    assert str(base_url(spelling)) == url


@pytest.mark.parametrize(
    "url",
    [
        "http://[::1]evil.example",
        "http://evil.example[::1]",
        "http://[::1].evil.example",
        "http://[::1",
        "http://[::1%25eth0]",
        "http://localhost\\@evil.example",
        "http://localhost\\.evil.example",
        "http://localhost%2eevil.example",
        "http://127.1",
        "http://2130706433",
        "http://0x7f000001",
        "http://0177.0.0.1",
        "http://127.0.0.0x1",
        "http://user@localhost",
        "http://localhost:0",
        "http://localhost:+80",
        "http://localhost:8 0",
        "http://localhost:\u0661",
        "http://loc\talhost",
        "http://localhost\n",
        "https://a..b",
        "https://-a.example",
        "https://straße.example",
        "https://company.com/a/../b",
        "https://company.com/./b",
        "https://company.com/%2e%2e/b",
        "https://company.com/ü",
        "https:/company.com",
        "https:///company.com",
        "https://",
    ],
)
def test_what_libraries_may_read_in_different_ways_is_refused(url: str) -> None:
    if url == "http://localhost\n":  # the end of a line in a file
        assert str(base_url(url)) == "http://localhost"
        return
    with pytest.raises(ConfigurationError, match="base_url"):
        base_url(url)


@given(
    st.from_regex(r"https?://[\[\]a-zA-Z0-9.:@%\\_-]{1,20}(/[a-zA-Z.%]{0,5})?", fullmatch=True)
    | st.text(min_size=1).map("http://{}".format)
)
def test_what_is_accepted_means_the_same_to_all(url: str) -> None:
    try:
        found = base_url(url)
    except ConfigurationError:
        return
    read, theirs = urlsplit(str(found)), URL(str(found))
    assert read.hostname == theirs.raw_host == found.host
    assert theirs.port == found.port
    assert str(theirs).removesuffix("/") == str(found) == str(base_url(str(found)))
