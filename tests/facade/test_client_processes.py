"""A real client of a local Descope at the borders of a process."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fork")


@pytest.mark.parametrize(
    ("case", "said"),
    [
        ("exit_with_an_open_client", ["used"]),
        ("exit_in_flight", ["loop closed"]),
        ("close_in_a_child", ["used", "child 0", "used"]),
        ("fork_at_once", ["used"] * 9 + ["[0, 0, 0]"]),
        ("race", ["50 1"]),
        ("closed", ["used", "the client is closed"]),
    ],
)
def test_a_client_survives(
    run_script: Callable[..., Any], emulator_url: tuple[str, str, str], case: str, said: list[str]
) -> None:
    finished = run_script("clients.py", case, *emulator_url)
    assert (finished.status, finished.out, finished.err) == (0, said, "")


@pytest.mark.parametrize(
    ("case", "said"),
    [
        ("fork", ["used", "used", "child 0", "used", "used", "child 0", "used"]),
        ("collect", ["used", "used", "used", "set()", "used"]),
    ],
)
def test_clients_that_nobody_closed(
    run_script: Callable[..., Any], emulator_url: tuple[str, str, str], case: str, said: list[str]
) -> None:
    finished = run_script("clients.py", case, *emulator_url)
    # aiohttp has its own words for this on the error output.
    assert (finished.status, finished.out) == (0, said)


@pytest.mark.parametrize(
    ("case", "said"),
    [
        ("imports_nothing", ["not found", "refused", "[]"]),
        ("preloaded", ["[]"]),
        ("preloaded_for_async", ["[]"]),
        ("second_client", ["[]"]),
        ("guarded", ["[] True", "[]"]),
        ("entered", ["[] True", "[]"]),
        ("many_at_once", ["True"]),
        ("forks", ["failed []"]),
        ("forks_of_awaited", ["failed []"]),
        ("wait_for_work", ["0.4 True True", "6 True True", "own True"]),
        ("slow_name", ["DeadlineExceeded"]),
    ],
)
def test_first_calls(
    run_script: Callable[..., Any], emulator_url: tuple[str, str, str], case: str, said: list[str]
) -> None:
    finished = run_script("first_calls.py", case, *emulator_url, within=240)
    assert (finished.status, finished.out, finished.err) == (0, said, "")


def test_a_child_leaves_the_emulator_to_its_parent(run_script: Callable[..., Any]) -> None:
    finished = run_script("emulators.py")
    assert (finished.status, finished.out, finished.err) == (0, ["child 0", "2"], "")
