"""The example site of docs/examples/django, under the servers that sites run on."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

pytest.importorskip("requests", reason="requests is not installed")
pytest.importorskip("rest_framework", reason="Django REST framework is not installed")

import requests

from descope_sync.emulator import Emulator
from tests.django.callers import Callers

pytestmark = pytest.mark.timeout(300)  # servers start anew, and may share the machine

SITE = Path(__file__).parents[2] / "docs/examples/django"
SERVERS = {
    "gunicorn": ["--workers", "2", "reports_site.wsgi"],
    "gunicorn --preload": ["--preload", "--workers", "2", "--threads", "2", "reports_site.wsgi"],
    "uvicorn": ["reports_site.asgi:application"],
}


@pytest.fixture
def environment(local: Emulator, tmp_path: Path) -> dict[str, str]:
    return {
        **os.environ,
        **local.environment,
        "SITE_DATA": str(tmp_path),
        "DJANGO_SETTINGS_MODULE": "reports_site.settings",
        "PYTHONPATH": os.pathsep.join([str(SITE), *filter(None, sys.path)]),
    }


def manage(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=SITE,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@contextmanager
def serving(server: str, environment: dict[str, str]) -> Iterator[tuple[str, int]]:
    """The site's URL while a server runs, and the process id of that."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    name = server.split(maxsplit=1)[0]
    where = (
        ["--bind", f"127.0.0.1:{port}", "--no-control-socket"]
        if name == "gunicorn"
        else ["--port", str(port), "--log-level", "warning"]
    )
    command = [sys.executable, "-m", name, *where, *SERVERS[server]]
    with subprocess.Popen(command, cwd=SITE, env=environment) as process:
        try:
            _wait_for(port, process)
            yield f"http://127.0.0.1:{port}", process.pid
        finally:
            process.terminate()
            process.wait(timeout=60)


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert process.poll() is None, "the server has ended"
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise AssertionError("the server does not listen")


@pytest.mark.parametrize("server", SERVERS)
def test_callers_come_in_under(server: str, environment: dict[str, str], callers: Callers) -> None:
    reader, writer = callers.headers(["Reader"]), callers.headers(["Biller"])
    biller = callers.headers(tenants={"t1": ["Biller"]})
    with serving(server, environment) as (url, _):
        for _ in range(6):  # so that each worker has answered one
            answer = requests.get(f"{url}/reports", headers=reader, timeout=30)
            assert answer.status_code == 200, answer.text
            assert answer.json()["for"].startswith("K")
        assert requests.get(f"{url}/reports", timeout=30).status_code == 401
        assert requests.get(f"{url}/reports", headers=writer, timeout=30).status_code == 403
        assert requests.get(f"{url}/t/t1/bills", headers=biller, timeout=30).status_code == 200
        assert requests.get(f"{url}/t/t2/bills", headers=biller, timeout=30).status_code == 403
        assert requests.post(f"{url}/uploads", headers=writer, timeout=30).status_code == 201
        assert requests.post(f"{url}/uploads", headers=reader, timeout=30).status_code == 403


@pytest.mark.skipif(sys.platform != "linux", reason="worker processes are found in /proc")
def test_a_killed_worker_and_a_reload_lose_nobody(
    environment: dict[str, str], callers: Callers, local: Emulator
) -> None:
    reader = callers.headers(["Reader"])
    with serving("gunicorn", environment) as (url, pid):

        def calls(count: int) -> None:
            for _ in range(count):
                assert requests.get(f"{url}/reports", headers=reader, timeout=30).status_code == 200

        calls(4)
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text()
        os.kill(int(children.split()[0]), signal.SIGKILL)
        time.sleep(1)
        calls(4)
        os.kill(pid, signal.SIGHUP)
        time.sleep(2)
        calls(4)
        local.rotate_signing_keys()
        calls(2)
        fresh = callers.headers(["Reader"])
        assert requests.get(f"{url}/reports", headers=fresh, timeout=30).status_code == 200


def test_the_page_shows_a_secret_once_and_only_to_staff(
    environment: dict[str, str], callers: Callers
) -> None:
    assert manage(environment, "migrate", "--verbosity", "0").returncode == 0
    people = {**environment, "DJANGO_SUPERUSER_PASSWORD": "only for tests"}
    made = manage(
        people, "createsuperuser", "--noinput", "--username", "ada", "--email", "a@a.test"
    )
    assert made.returncode == 0, made.stderr
    with serving("gunicorn", environment) as (url, _), requests.Session() as browser:
        page = browser.get(f"{url}/keys", timeout=30)
        assert page.url.startswith(f"{url}/login")
        form = {
            "username": "ada",
            "password": "only for tests",
            "csrfmiddlewaretoken": browser.cookies["csrftoken"],
        }
        browser.post(page.url, data=form, timeout=30)
        token = browser.cookies["csrftoken"]
        page = browser.post(
            f"{url}/keys", data={"name": "made here", "csrfmiddlewaretoken": token}, timeout=30
        )
        (secret,) = re.findall(r"<code>(\w+)</code>", page.text)
        assert "no-store" in page.headers["Cache-Control"]
        session = callers.client.exchange_access_key(secret)
        rotated = browser.post(
            f"{url}/keys", data={"rotate": session.key_id, "csrfmiddlewaretoken": token}, timeout=30
        )
        (fresh,) = re.findall(r"<code>(\w+)</code>", rotated.text)
        assert callers.client.exchange_access_key(fresh).key_id == session.key_id
        assert browser.post(f"{url}/keys", data={"name": "forged"}, timeout=30).status_code == 403


def test_its_own_tests(environment: dict[str, str]) -> None:
    done = manage(environment, "test")
    assert done.returncode == 0, done.stderr
    assert "Ran 2 tests" in done.stderr


def test_commands(environment: dict[str, str], callers: Callers) -> None:
    without = {name: value for name, value in environment.items() if "DESCOPE" not in name}
    done = manage(without, "check")
    assert done.returncode == 0, done.stderr
    assert "descope.W001" in done.stderr
    assert manage(without, "check", "--deploy", "--fail-level", "ERROR").returncode == 1
    callers.key()
    key = callers.client.mgmt.access_key.search_all_access_keys()[0]
    done = manage(environment, "retire_keys", key.created_by)
    assert f"{key.id} caller" in done.stdout
    assert "would be" in done.stdout
    done = manage(environment, "retire_keys", key.created_by, "--yes")
    assert callers.client.mgmt.access_key.load(key.id).status == "inactive"


def test_the_command_line_works_on_the_sites_project(
    environment: dict[str, str], callers: Callers
) -> None:
    pytest.importorskip("typer", reason="the extra cli is not installed")
    callers.key()
    done = manage(environment, "descope_keys", "list", "--json")
    assert done.returncode == 0, done.stderr
    assert '"name": "caller"' in done.stdout
    assert manage(environment, "descope_keys", "show", "K2nothing").returncode == 1
