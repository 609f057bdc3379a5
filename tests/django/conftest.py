"""A Django site on a local Descope."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from descope_sync import DescopeClient
from descope_sync.emulator import Emulator
from tests.django.callers import Callers

if TYPE_CHECKING:
    from django.test import AsyncClient, Client

#: Without Django one module is left, which says that it is missing.
collect_ignore_glob: list[str] = []
if find_spec("django") is None:
    collect_ignore_glob = ["test_[!c]*.py"]
else:
    import tests.django.configured  # noqa: F401 - before any module of Django's is used

SEED = {
    "tenants": [{"id": "t1", "name": "One"}, {"id": "t2", "name": "Two"}],
    "permissions": [{"name": "reports:read"}, {"name": "reports:write"}],
    "roles": [
        {"name": "Reader", "permissionNames": ["reports:read"]},
        {"name": "Biller", "permissionNames": ["reports:write"]},
    ],
}


@pytest.fixture
def local() -> Iterator[Emulator]:
    with Emulator(seed=SEED) as emulator:
        yield emulator


@pytest.fixture
def site(local: Emulator) -> Iterator[dict[str, Any]]:
    """The site on the local Descope: its ``DESCOPE`` setting."""
    described: dict[str, Any] = {"PROJECT_ID": local.project_id, "BASE_URL": local.base_url}
    from django.test import override_settings

    with override_settings(DESCOPE=described):
        yield described


@pytest.fixture
def environment(local: Emulator, tmp_path: Path) -> dict[str, str]:
    """The environment in which the example site works on the local Descope."""
    from tests.django.serving import SITE

    return {
        **os.environ,
        **local.environment,
        "SITE_DATA": str(tmp_path),
        "XDG_RUNTIME_DIR": str(tmp_path),  # where new releases of gunicorn make a socket
        "DJANGO_SETTINGS_MODULE": "reports_site.settings",
        "PYTHONPATH": os.pathsep.join([str(SITE), *filter(None, sys.path)]),
    }


@pytest.fixture
def callers(local: Emulator) -> Iterator[Callers]:
    with DescopeClient(local.project_id, local.management_key, base_url=local.base_url) as client:
        yield Callers(client)


@pytest.fixture
def reader(callers: Callers) -> dict[str, str]:
    """The headers of a caller who may read reports."""
    return callers.headers(["Reader"])


@pytest.fixture
def web(site: dict[str, Any]) -> Client:  # noqa: ARG001 - the settings that it works with
    """Django's test client on the site."""
    from django.test import Client

    return Client()


@pytest.fixture
def aweb(site: dict[str, Any]) -> AsyncClient:  # noqa: ARG001 - the settings that it works with
    """Django's asynchronous test client on the site."""
    from django.test import AsyncClient

    return AsyncClient()
