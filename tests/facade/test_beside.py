"""Beside libraries that have threads or event loops of their own."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import pytest

Run = Callable[..., Any]

REFUSED = (
    "eventlet has replaced the threads after descope_sync was imported: call "
    "eventlet.monkey_patch() before the import"
)
UNDER_TRIO = (
    "descope_async needs an asyncio event loop: under trio, await trio.to_thread.run_sync with a "
    "method of descope_sync"
)


@pytest.mark.skipif(find_spec("eventlet") is None, reason="eventlet is not installed")
@pytest.mark.parametrize(
    ("case", "said"),
    [
        ("first", ["[0, 1, 2, 3, 4] together"]),
        ("later", [REFUSED]),
        ("after_a_call", ["0", REFUSED]),
    ],
)
def test_eventlet(run_script: Run, case: str, said: list[str]) -> None:
    finished = run_script("eventlets.py", case)
    # It says on the error output that it is used too late.
    assert (finished.status, finished.out) == (0, said)
    assert "Traceback" not in finished.err


@pytest.mark.skipif(find_spec("trio") is None, reason="trio is not installed")
def test_trio(run_script: Run, emulator_url: tuple[str, str, str]) -> None:
    finished = run_script("trios.py", *emulator_url)
    assert (finished.status, finished.out, finished.err) == (0, [UNDER_TRIO, UNDER_TRIO, "n"], "")


@pytest.mark.skipif(find_spec("gevent") is None, reason="gevent is not installed")
def test_gevent(run_script: Run) -> None:
    (said,) = run_script("gevents.py").out
    assert "patch_all(thread=False)" in said
