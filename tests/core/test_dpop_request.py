from __future__ import annotations

import pickle
import traceback
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from descope_async import DPoPRequest, InvalidArgument
from descope_async.dpop_request import normal_url
from tests.tracebacks import shown

URL = "https://api.example.com/reports"


@pytest.mark.parametrize(
    ("url", "normal"),
    [
        ("https://api.example.com", "https://api.example.com/"),
        ("https://api.example.com?x", "https://api.example.com/"),
        ("HTTPS://API.Example.COM:443/A/b", "https://api.example.com/A/b"),
        ("http://h:80/", "http://h/"),
        ("http://h:443/", "http://h:443/"),
        ("https://h:80/", "https://h:80/"),
        ("https://h:/", "https://h/"),
        ("https://h:8443/a?b=c#d", "https://h:8443/a"),
        ("https://h/a#b?c", "https://h/a"),
        ("https://[2001:DB8::1]:443/", "https://[2001:db8::1]/"),
        ("https://h/%7euser/%2f%C3%a9", "https://h/~user/%2F%C3%A9"),
        ("https://h/%2541", "https://h/%2541"),
        ("wss://H:443/feed?x", "https://h/feed"),
        ("WS://h:80/", "http://h/"),
        ("ws://h:443/", "http://h:443/"),
        ("https://h//a/./b/../c", "https://h//a/./b/../c"),
        ("https://my_host/a;b=1,2@3:4", "https://my_host/a;b=1,2@3:4"),
    ],
)
def test_one_form_for_each_url(url: str, normal: str) -> None:
    assert normal_url(url) == normal
    assert normal_url(normal) == normal


@pytest.mark.parametrize(
    "url",
    [
        "",
        "/reports",
        "//h/reports",
        "h/reports",
        "ftp://h/",
        "wsss://h/",
        "https:/h/",
        "https:///a",
        "https://user@h/",
        "https://user:secret@h/",
        "https://h:x/",
        "https://h:123456/",
        "https://h:٤٤٣/",
        "https://[::1/",
        "https://::1/",
        "https://h\\a/",
        "https://h/a b",
        "https://h/a\n",
        "\nhttps://h/",
        "https://h/é",
        "https://é/",
        "http\u017f://h/",
        "https://h/%",
        "https://h/%4",
        "https://h/%zz",
        "https://h/%%41",
        "https://h/a?\x00",
    ],
)
def test_what_is_no_url_of_a_request(url: str) -> None:
    assert normal_url(url) is None


@given(st.text() | st.text(st.characters(codec="ascii")).map("https://h/{}".format))
def test_a_normal_form_is_its_own(url: str) -> None:
    normal = normal_url(url)
    assert normal is None or normal_url(normal) == normal


def test_headers_in_every_form() -> None:
    pairs = [("dPoP", " p1 "), ("authorization", "DPoP token"), ("Accept", "*/*")]
    expected = DPoPRequest("GET", URL, ("p1",), "DPoP")
    for headers in (pairs, dict(pairs), tuple(pairs), iter(pairs)):
        assert DPoPRequest.from_headers("GET", URL, headers) == expected
    assert DPoPRequest.from_headers("GET", URL, {}) == DPoPRequest("GET", URL)
    assert DPoPRequest("GET", URL, "p1") == DPoPRequest("GET", URL, ["p1"])
    twice = DPoPRequest.from_headers("GET", URL, [("DPoP", "p1"), ("dpop", "p2")])
    assert tuple(twice.proofs) == ("p1", "p2")


@pytest.mark.parametrize(
    ("authorization", "scheme"),
    [
        ("Bearer t", "Bearer"),
        ("dpop t", "dpop"),
        ("token", None),
        ("", None),
        (" DPoP  t ", "DPoP"),
    ],
)
def test_of_the_authorization_only_the_scheme_is_kept(
    authorization: str, scheme: str | None
) -> None:
    made = DPoPRequest.from_headers("GET", URL, {"Authorization": authorization})
    assert made.scheme == scheme


def test_forwarded_headers_count_only_when_told_so() -> None:
    headers = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "api.example.com:8443"}
    inner = "http://10.0.0.7:8000/reports?x=1"
    assert DPoPRequest.from_headers("GET", inner, headers).url == inner
    trusted = DPoPRequest.from_headers("GET", inner, headers, trust_forwarded=True)
    assert trusted.url == "https://api.example.com:8443/reports"
    only_scheme = DPoPRequest.from_headers(
        "GET", "http://API.example.com", {"X-Forwarded-Proto": "https"}, trust_forwarded=True
    )
    assert normal_url(only_scheme.url) == "https://api.example.com/"
    assert DPoPRequest.from_headers("GET", inner, {}, trust_forwarded=True).url == (
        "http://10.0.0.7:8000/reports"
    )


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Forwarded-Proto": "https, http"},
        {"X-Forwarded-Proto": "javascript"},
        {"X-Forwarded-Proto": "https://evil.example/x?"},
        {"X-Forwarded-Host": "a.example, b.example"},
        {"X-Forwarded-Host": "a.example/x?"},
        {"X-Forwarded-Host": "a.example/x#"},
        {"X-Forwarded-Host": "user@a.example"},
        {"X-Forwarded-Host": "a.example\n"},
        [("X-Forwarded-Host", "a.example"), ("X-Forwarded-Host", "a.example")],
    ],
    ids=str,
)
def test_a_proxy_s_unclear_word_makes_the_url_unusable(headers: Any) -> None:
    made = DPoPRequest.from_headers("GET", URL, headers, trust_forwarded=True)
    if headers == {"X-Forwarded-Host": "a.example\n"}:
        assert made.url == "https://a.example/reports"  # whitespace around a value is none of it
    else:
        assert normal_url(made.url) is None


@pytest.mark.parametrize(
    ("method", "url", "headers"),
    [
        (None, URL, {}),
        (b"GET", URL, {}),
        ("GET", None, {}),
        ("GET", b"https://h/", {}),
        ("GET", URL, None),
        ("GET", URL, "DPoP: x"),
        ("GET", URL, b"x"),
        ("GET", URL, 5),
        ("GET", URL, ["DPoP"]),
        ("GET", URL, [("DPoP",)]),
        ("GET", URL, [(b"dpop", b"x")]),
        ("GET", URL, {"DPoP": ["x"]}),
        ("GET", URL, {"DPoP": None}),
        ("GET", URL, {1: "x"}),
    ],
)
def test_values_of_the_wrong_type_are_refused_without_the_token(
    method: Any, url: Any, headers: Any
) -> None:
    if isinstance(headers, dict):
        headers = {"Authorization": "Bearer canary", **headers}
    with pytest.raises(InvalidArgument) as refusal:
        DPoPRequest.from_headers(method, url, headers, trust_forwarded=True)
    assert "canary" not in shown(refusal.value, without=__file__)


@pytest.mark.parametrize(
    "fields",
    [
        {"proofs": 5},
        {"proofs": None},
        {"proofs": b"x"},
        {"proofs": [b"x"]},
        {"proofs": {"a": "b"}},
        {"scheme": 5},
        {"nonces": "a-string"},
        {"nonces": 5},
        {"nonces": [5]},
        {"nonces": None},
    ],
    ids=str,
)
def test_fields_of_the_wrong_type_are_refused(fields: Any) -> None:
    with pytest.raises(InvalidArgument):
        DPoPRequest("GET", URL, **fields)


def test_it_is_a_value_that_shows_no_proof() -> None:
    made = DPoPRequest("GET", URL, "canary", "DPoP")
    assert "canary" not in repr(made)
    assert pickle.loads(pickle.dumps(made)) == made  # noqa: S301 - our own
    assert len({made, DPoPRequest("GET", URL, ["canary"], "DPoP")}) == 1


@pytest.mark.parametrize("wrong", [("method", 5), ("url", None), ("scheme", 5), ("proofs", 5)])
def test_a_refused_request_shows_no_proof(wrong: tuple[str, Any]) -> None:
    given: dict[str, Any] = {"method": "GET", "url": "https://a.example/", "proofs": "the.proof"}
    given |= {wrong[0]: ["the.proof", 5]} if wrong[0] == "proofs" else dict([wrong])
    with pytest.raises(InvalidArgument) as caught:
        DPoPRequest(**given)
    shown = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    frames = [str(each.locals) for each in shown.stack if "/descope_async/" in each.filename]
    assert frames
    assert "the.proof" not in str(frames)
    assert "repr() failed" not in str(frames)
