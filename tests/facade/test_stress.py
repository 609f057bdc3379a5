"""One client, used by everybody at once and by some who leave without notice."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import descope_sync
from descope_sync.emulator import Emulator

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fork")


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator(signing_algorithm="ES256") as emulator:
        yield emulator


def access_keys(emulator: Emulator, number: int) -> list[str]:
    with descope_sync.DescopeClient(
        emulator.project_id, emulator.management_key, base_url=emulator.base_url
    ) as client:
        return [client.mgmt.access_key.create("k").cleartext for _ in range(number)]


def test_tasks_threads_cancellation_dying_loops_and_forks(
    run_script: Callable[..., Any], emulator: Emulator
) -> None:
    emulator.set_token_lifetime(2)  # so that it is renewed all the time
    keys = access_keys(emulator, 3)
    finished = run_script("stress.py", "everything", emulator.base_url, emulator.project_id, *keys)
    expected = ["wrong {}", "done True", "left open 0"]
    assert (finished.status, finished.out, finished.err) == (0, expected, "")


def test_ten_thousand_on_four_loops_cause_one_exchange(
    run_script: Callable[..., Any], emulator: Emulator
) -> None:
    keys = access_keys(emulator, 1)
    finished = run_script("stress.py", "cold", emulator.base_url, emulator.project_id, *keys)
    assert (finished.status, finished.out, finished.err) == (0, ["10000 1"], "")
    assert emulator.requests.count("exchange") == 1
