"""The example site under real servers: what they do to processes and headers, and callers that go away."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("requests", reason="requests is not installed")
pytest.importorskip("rest_framework", reason="Django REST framework is not installed")

import requests

from descope_async.emulator import Fault
from descope_sync.emulator import Emulator
from tests.django.callers import Callers
from tests.django.serving import GEVENT, SERVERS, SITE, Server, serving

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="worker processes are found in /proc"),
]
#: Servers with workers that they start again.
PREFORK = ["gunicorn", "gunicorn --preload", "uwsgi", "uwsgi --lazy-apps --enable-threads"]


@pytest.fixture
def serve(environment: dict[str, str]) -> Callable[..., Any]:
    """Runs the site under a server, if that is installed."""

    def start(name: str, site: Path = SITE) -> Any:
        if name.startswith("uwsgi") and find_spec("pyuwsgi") is None:
            pytest.skip("pyuwsgi is not installed")
        return serving(name, environment, site)

    return start


def let_in(server: Server, headers: dict[str, str], times: int = 6) -> None:
    """See that a caller is let in, so often that each worker has answered."""
    for _ in range(times):
        answer = requests.get(f"{server.url}/reports", headers=headers, timeout=120)
        assert answer.status_code == 200, answer.text
        assert answer.json()["for"].startswith("K")


def until_served(server: Server, headers: dict[str, str]) -> None:
    """Wait until the site answers again."""
    deadline = time.monotonic() + 120
    while True:
        try:
            answer = requests.get(f"{server.url}/reports", headers=headers, timeout=120)
        except requests.RequestException:  # not there yet, or ended within the answer
            assert time.monotonic() < deadline
            time.sleep(0.1)
        else:
            assert answer.status_code == 200, answer.text
            return


@pytest.mark.parametrize("name", SERVERS)
def test_callers_come_in(serve: Callable[..., Any], callers: Callers, name: str) -> None:
    reader, writer = callers.headers(["Reader"]), callers.headers(["Biller"])
    biller = callers.headers(tenants={"t1": ["Biller"]})
    with serve(name) as server:
        url = server.url
        let_in(server, reader)
        assert requests.get(f"{url}/reports", timeout=120).status_code == 401
        assert requests.get(f"{url}/reports", headers=writer, timeout=120).status_code == 403
        assert requests.get(f"{url}/t/t1/bills", headers=biller, timeout=120).status_code == 200
        assert requests.get(f"{url}/t/t2/bills", headers=biller, timeout=120).status_code == 403
        assert requests.post(f"{url}/uploads", headers=writer, timeout=120).status_code == 201
        assert requests.post(f"{url}/uploads", headers=reader, timeout=120).status_code == 403


@pytest.mark.parametrize("name", SERVERS)
def test_two_headers_are_no_credential(
    serve: Callable[..., Any], callers: Callers, name: str
) -> None:
    lines = [f"Authorization: Bearer {callers.token(['Reader'])}" for _ in range(2)]
    with serve(name) as server:
        answer = server.answers("GET /reports HTTP/1.1", *lines)
        assert answer.split()[1] == "400", answer


@pytest.mark.parametrize("name", PREFORK)
def test_a_killed_worker_and_a_reload_lose_nobody(
    serve: Callable[..., Any], callers: Callers, local: Emulator, name: str
) -> None:
    reader = callers.headers(["Reader"])
    with serve(name) as server:
        let_in(server, reader)
        server.kill_a_worker()
        until_served(server, reader)
        let_in(server, reader)
        server.reload()
        until_served(server, reader)
        let_in(server, reader)
        local.rotate_signing_keys()
        let_in(server, reader, 2)
        let_in(server, callers.headers(["Reader"]))


@pytest.mark.parametrize("name", PREFORK)
def test_a_worker_that_is_killed_in_the_middle_of_a_fetch(
    serve: Callable[..., Any], callers: Callers, local: Emulator, name: str
) -> None:
    reader = callers.headers(["Reader"])
    local.requests.clear()
    local.faults.add(Fault("stall", "key_set", seconds=30))
    with serve(name) as server, ThreadPoolExecutor(1) as thread:
        url = f"{server.url}/reports"
        lost = thread.submit(requests.get, url, headers=reader, timeout=120)
        deadline = time.monotonic() + 120
        while not local.requests.count("key_set"):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        for worker in server.workers():
            os.kill(worker, signal.SIGKILL)
        local.faults.clear()
        assert isinstance(lost.exception(120), requests.ConnectionError)
        until_served(server, reader)
        let_in(server, reader)


def test_kills_reloads_and_new_signing_keys_under_load(
    serve: Callable[..., Any], callers: Callers, local: Emulator
) -> None:
    """Whoever gets an answer gets the right one. Connections to what is killed may be cut."""
    tokens = [callers.headers(["Reader"])]
    done = threading.Event()
    statuses: Counter[int | str] = Counter()

    def call(url: str) -> None:
        while not done.is_set():
            try:
                answer = requests.get(f"{url}/reports", headers=tokens[-1], timeout=120)
            except requests.RequestException:
                statuses["cut"] += 1
            else:
                statuses[answer.status_code] += 1

    def until_more_are_answered() -> None:
        wanted, deadline = statuses[200] + 5, time.monotonic() + 120
        while statuses[200] < wanted:
            assert time.monotonic() < deadline, statuses
            time.sleep(0.05)

    with serve("gunicorn") as server, ThreadPoolExecutor(4) as threads:
        for _ in range(4):
            threads.submit(call, server.url)
        try:
            for _ in range(3):
                until_more_are_answered()
                server.kill_a_worker()
                until_more_are_answered()
                local.rotate_signing_keys()
                tokens.append(callers.headers(["Reader"]))
                server.reload()
            until_more_are_answered()
        finally:
            done.set()
    assert set(statuses) <= {200, "cut"}, statuses


@pytest.mark.parametrize("name", ["gunicorn", "uvicorn", "runserver"])
def test_a_caller_that_goes_away_during_a_fetch_harms_nobody(
    serve: Callable[..., Any], callers: Callers, local: Emulator, name: str
) -> None:
    token = callers.token(["Reader"])
    local.requests.clear()
    local.faults.add(Fault("delay", "key_set", seconds=1.5, nth=1))
    lines = ["GET /reports HTTP/1.1", f"Authorization: Bearer {token}"]
    with serve(name) as server:
        server.give_up(*lines, after=0.5)
        let_in(server, {"Authorization": f"Bearer {token}"})
        asked = local.requests.count("key_set")
        # A worker that others share goes on with the fetch that the caller began.
        assert asked <= (2 if name == "gunicorn" else 1)


def test_a_changed_file_reloads_the_site(
    serve: Callable[..., Any], callers: Callers, tmp_path: Path
) -> None:
    site = tmp_path / "site"
    shutil.copytree(SITE, site, ignore=shutil.ignore_patterns("*.sqlite3", "__pycache__"))
    views = site / "reports_site/views.py"
    reader = callers.headers(["Reader"])
    with serve("runserver", site) as server:
        let_in(server, reader, 2)
        time.sleep(1.5)  # so that the file gets another time on every file system
        changed = site / "changed.txt"
        changed.write_text(views.read_text().replace('"for":', '"reloaded": True, "for":'))
        changed.replace(views)  # whole at once: nobody imports half a file
        deadline = time.monotonic() + 120
        while True:
            until_served(server, reader)
            # The process may end before its answer, or between the answer's head and its body.
            with suppress(requests.RequestException):
                answer = requests.get(f"{server.url}/reports", headers=reader, timeout=120)
                if answer.ok and answer.json().get("reloaded"):
                    break
            assert time.monotonic() < deadline
            time.sleep(0.5)
        let_in(server, reader, 3)


def test_gevent_is_refused_with_a_sentence(
    serve: Callable[..., Any], callers: Callers, capfd: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("gevent", reason="gevent is not installed")
    reader = callers.headers(["Reader"])
    with serve(GEVENT) as server:
        answer = requests.get(f"{server.url}/reports", headers=reader, timeout=120)
        assert answer.status_code == 500
    assert "gevent has replaced them" in capfd.readouterr().err
