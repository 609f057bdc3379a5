"""What msgspec accepts means the same to it as to `json`, and what it refuses is read without it."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import textwrap
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from descope_async._calls.fast_json import list_decoder
from descope_async._calls.pieces import WINDOW, decode
from tests.core.calls.json_texts import VALUES, texts_of

decode_list: Any = asyncio.run(list_decoder(WINDOW + 1))

NUMBERS = st.from_regex(r"-?[0-9]{1,40}(\.[0-9]{1,40})?([eE][+-]?[0-9]{1,3})?", fullmatch=True)


def agrees(text: str) -> None:
    """Either it is refused, or it means the same, to the type and the sign of a zero."""
    try:
        fast = decode_list(text)
    except Exception:  # noqa: BLE001 - whatever it is, `pieces` goes on without
        return
    assert repr(fast) == repr(decode(text.encode()))


def test_it_is_there() -> None:
    assert decode_list('[{"a":1}]') == [{"a": 1}]


@given(texts_of(st.lists(VALUES)))
def test_any_json_means_the_same(text: str) -> None:
    agrees(text)


@given(NUMBERS)
def test_any_number_means_the_same(digits: str) -> None:
    agrees(f"[{digits}]")


@given(st.text(alphabet='[]{},:"\\u0aedD8eE.-+ 1tnf\t\x0b\x00\x7fé', max_size=12))
def test_what_is_no_json_is_never_read_in_another_way(text: str) -> None:
    agrees(f"[{text}]")


@pytest.mark.parametrize(
    "text",
    [
        '{"a":1,"a":2}',
        str(2**63),
        str(2**64),
        f"-{2**64}",
        "9" * 400,
        "9" * 5_000,
        "1e400",
        "-0",
        "-0.0",
        "5e-324",
        "NaN",
        "Infinity",
        '"\\ud800"',
        '"\\udc00\\ud800"',
        '"\\ud83d\\ude00"',
        '"\t"',
        "01",
        "[1,]",
        "[" * 500 + "]" * 500,
        "[" * 100_000 + "]" * 100_000,
    ],
)
def test_what_readers_differ_about(text: str) -> None:
    agrees(f"[{text}]")


def test_nothing_is_imported_before_a_large_answer() -> None:
    program = """
        import asyncio, json, sys
        from descope_async._calls.found_keys import read_keys

        def search(count):
            body = json.dumps({"keys": [{"id": "a", "name": "a" * 80}] * count}).encode()
            assert len(asyncio.run(read_keys(body))) == count
            return "msgspec" in sys.modules

        assert not search(10)
        if "without" in sys.argv:
            sys.modules["msgspec"] = None
            assert search(10_000) and not sys.modules["msgspec"]
        else:
            assert search(10_000)
    """
    for argument in ("with", "without"):
        subprocess.run([sys.executable, "-c", textwrap.dedent(program), argument], check=True)


@pytest.mark.parametrize(("reads_integers_as", "is_used"), [("int", True), ("float", False)])
def test_a_version_that_reads_large_integers_as_floats_is_not_used(
    reads_integers_as: str, is_used: bool
) -> None:
    program = f"""
        import asyncio, sys, types
        from descope_async._calls.fast_json import list_decoder

        class Decoder:
            def __init__(self, kind):
                pass

            def decode(self, text):
                return [{reads_integers_as}(number) for number in text[1:-1].split(",")]

        sys.modules["msgspec.json"] = types.SimpleNamespace(Decoder=Decoder)
        sys.modules["msgspec"] = types.SimpleNamespace(json=sys.modules["msgspec.json"])
        assert (asyncio.run(list_decoder(2**20)) is not None) is {is_used}
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(program)], check=True)
