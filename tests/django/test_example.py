"""The page, the commands and the tests of the example site."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

pytest.importorskip("requests", reason="requests is not installed")
pytest.importorskip("rest_framework", reason="Django REST framework is not installed")

import requests

from tests.django.callers import Callers
from tests.django.serving import SITE, serving


def manage(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=SITE,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_the_page_shows_a_secret_once_and_only_to_staff(
    environment: dict[str, str], callers: Callers
) -> None:
    assert manage(environment, "migrate", "--verbosity", "0").returncode == 0
    people = {**environment, "DJANGO_SUPERUSER_PASSWORD": "only for tests"}
    made = manage(
        people, "createsuperuser", "--noinput", "--username", "ada", "--email", "a@a.test"
    )
    assert made.returncode == 0, made.stderr
    with serving("gunicorn", environment) as server, requests.Session() as browser:
        url = server.url
        page = browser.get(f"{url}/keys", timeout=120)
        assert page.url.startswith(f"{url}/login")
        form = {
            "username": "ada",
            "password": "only for tests",
            "csrfmiddlewaretoken": browser.cookies["csrftoken"],
        }
        browser.post(page.url, data=form, timeout=120)
        token = browser.cookies["csrftoken"]
        page = browser.post(
            f"{url}/keys", data={"name": "made here", "csrfmiddlewaretoken": token}, timeout=120
        )
        (secret,) = re.findall(r"<code>(\w+)</code>", page.text)
        assert "no-store" in page.headers["Cache-Control"]
        session = callers.client.exchange_access_key(secret)
        rotated = browser.post(
            f"{url}/keys",
            data={"rotate": session.key_id, "csrfmiddlewaretoken": token},
            timeout=120,
        )
        (fresh,) = re.findall(r"<code>(\w+)</code>", rotated.text)
        assert callers.client.exchange_access_key(fresh).key_id == session.key_id
        assert browser.post(f"{url}/keys", data={"name": "forged"}, timeout=120).status_code == 403


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
    pytest.importorskip("click", reason="the extra cli is not installed")
    callers.key()
    done = manage(environment, "descope_keys", "list", "--json")
    assert done.returncode == 0, done.stderr
    assert '"name": "caller"' in done.stdout
    assert manage(environment, "descope_keys", "show", "K2nothing").returncode == 1
