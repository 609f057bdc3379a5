"""Fixtures for pytest: a local Descope for each run, and a project of its own for each test.

pytest finds this plugin by itself. It imports nothing until a fixture is used. All fixtures are
blocking, so they go with every plugin for async tests, and the local Descope runs on a thread of its
own: no fixture depends on the event loop of another.

With ``descope_environment = true`` in pytest's ini file, the environment leads to the local Descope
from before any conftest is imported, so that settings which are read at import time fit; every test
then uses the one project that it names. The local Descope starts when a fixture first needs it.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any, Final
from unittest import TestCase

import pytest

if TYPE_CHECKING:
    import descope_sync
    from descope_async import CreatedAccessKey, DescopeClient
    from descope_async.emulator import Clock, Faults, RequestLog
    from descope_async.emulator.mint import TokenMint
    from descope_sync.emulator import Emulator

    from .project import EmulatedProject

_OPTION: Final = "descope_environment"
_RESERVED: Final = pytest.StashKey["_Reserved"]()


class _Reserved:
    """What the environment says of a local Descope that has not started yet."""

    def __init__(self) -> None:
        self._socket = socket.socket()
        # The port stays ours until the local Descope takes it over.
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self.project_id = f"P{secrets.token_hex(13)}"
        self.management_key = secrets.token_urlsafe(32)
        url = f"http://127.0.0.1:{self.port}"
        os.environ["DESCOPE_BASE_URI"] = os.environ["DESCOPE_BASE_URL"] = url
        os.environ["DESCOPE_PROJECT_ID"] = self.project_id
        os.environ["DESCOPE_MANAGEMENT_KEY"] = self.management_key

    def release(self) -> None:
        """Let go of the port."""
        self._socket.close()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Name the options of the ini file."""
    parser.addini(
        _OPTION,
        "set DESCOPE_BASE_URI, DESCOPE_PROJECT_ID and DESCOPE_MANAGEMENT_KEY to a local Descope "
        "before any conftest is imported",
        type="bool",
        default=False,
    )


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Set the environment, if the ini file asks for it."""
    if early_config.getini(_OPTION):
        early_config.stash[_RESERVED] = _Reserved()


def pytest_unconfigure(config: pytest.Config) -> None:
    """Let go of a port that nobody has used."""
    reserved = config.stash.get(_RESERVED, None)
    if reserved is not None:
        reserved.release()


@pytest.fixture(scope="session")
def descope_emulator(pytestconfig: pytest.Config) -> Iterator[Emulator]:
    """A local Descope for the whole run, on a thread of its own, steered by blocking methods."""
    from descope_sync.emulator import Emulator

    reserved = pytestconfig.stash.get(_RESERVED, None)
    options: dict[str, Any] = {}
    if reserved is not None:
        options = {
            "project_id": reserved.project_id,
            "management_key": reserved.management_key,
            "port": reserved.port,
        }
        reserved.release()
    with Emulator(signing_algorithm="ES256", **options) as emulator:
        yield emulator


@pytest.fixture
def descope_project(
    descope_emulator: Emulator,
    pytestconfig: pytest.Config,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> Iterator[EmulatedProject]:
    """A project for this test alone, to which the environment leads while the test runs.

    With the option ``descope_environment`` it is the one that all tests share. A Django site works on
    it, whatever its settings say. Classes of unittest, which get no fixtures as arguments, find it as
    ``self.descope``.
    """
    from .project import EmulatedProject

    if _RESERVED in pytestconfig.stash:
        project_id, key = descope_emulator.project_id, descope_emulator.management_key
    else:
        made = descope_emulator.create_project()
        project_id, key = made.project_id, made.management_key
    project = EmulatedProject(descope_emulator, project_id, key)
    for name, value in project.environment.items():
        monkeypatch.setenv(name, value)
    cls: object = getattr(request, "cls", None)  # pytest gives it no type
    if isinstance(cls, type) and issubclass(cls, TestCase):
        monkeypatch.setattr(cls, "descope", project, raising=False)
    with _django_on(project):
        yield project
    project.close()


def _django_on(project: EmulatedProject) -> AbstractContextManager[None]:
    """Lets a Django site work on a project, if these are the tests of one."""
    django = sys.modules.get("django.conf")
    if django is None or not django.settings.configured:
        return nullcontext()
    from descope_sync.integrations.django.testing import on_local

    return on_local(project)


@pytest.fixture
def descope_client(descope_project: EmulatedProject) -> Iterator[DescopeClient]:
    """A `descope_async.DescopeClient` of the project, which goes by the local Descope's clock."""
    from descope_async import DescopeClient
    from descope_async.testing import EmulatorClock

    client = DescopeClient(
        descope_project.project_id,
        descope_project.management_key,
        base_url=descope_project.base_url,
        clock=EmulatorClock(descope_project.clock),
    )
    yield client
    asyncio.run(client.aclose())


@pytest.fixture
def sync_descope_client(
    descope_project: EmulatedProject,
) -> Iterator[descope_sync.DescopeClient]:
    """A `descope_sync.DescopeClient` of the project, which goes by the local Descope's clock."""
    from descope_async.testing import EmulatorClock
    from descope_sync import DescopeClient

    with DescopeClient(
        descope_project.project_id,
        descope_project.management_key,
        base_url=descope_project.base_url,
        clock=EmulatorClock(descope_project.clock),
    ) as client:
        yield client


@pytest.fixture
def descope_access_key(descope_project: EmulatedProject) -> Callable[..., CreatedAccessKey]:
    """Makes access keys: ``descope_access_key(permissions=["reports:read"])``."""
    return descope_project.access_key


@pytest.fixture
def descope_headers(descope_project: EmulatedProject) -> Callable[..., dict[str, str]]:
    """Makes the headers of a caller: ``descope_headers(permissions=["reports:read"])``.

    See `descope_project` for a caller whose token has expired or is forged.
    """
    return descope_project.headers


@pytest.fixture
def descope_unreachable(
    descope_project: EmulatedProject,
) -> Callable[..., AbstractContextManager[dict[str, str]]]:
    """Lets the service be down while a block runs: a context manager that gives headers.

    The headers are those of a caller whose token no client can check meanwhile, not even one that
    has fetched signing keys before.
    """
    return descope_project.unreachable


@pytest.fixture
def descope_clock(descope_project: EmulatedProject) -> Clock:
    """The time of the local Descope, to freeze and to advance; real again after the test."""
    return descope_project.clock


@pytest.fixture
def descope_faults(descope_project: EmulatedProject) -> Faults:
    """By which rules the service's answers go wrong; none of them outlives the test."""
    return descope_project.faults


@pytest.fixture
def descope_requests(descope_project: EmulatedProject) -> RequestLog:
    """Which requests the service has seen in this test: ``descope_requests.count("exchange")``."""
    descope_project.requests.clear()
    return descope_project.requests


@pytest.fixture
def mint_token() -> TokenMint:
    """Makes tokens without a server: ``mint_token(permissions=["reports:read"])``.

    ``DescopeClient(mint_token.project_id, public_key=mint_token.key_set)`` accepts them.
    """
    from descope_async.emulator.mint import TokenMint

    return TokenMint()


@pytest.fixture
def descope_no_secrets_logged(
    descope_project: EmulatedProject, caplog: pytest.LogCaptureFixture
) -> Iterator[None]:
    """Fails the test if it logged an access key, a token or the management key of the project."""
    caplog.set_level(0)
    yield
    for phase in ("setup", "call"):
        for record in caplog.get_records(phase):
            shown = caplog.handler.format(record)
            if any(secret in shown for secret in descope_project.secrets):
                pytest.fail(
                    f"a secret was logged by {record.name}: {record.pathname}:{record.lineno}"
                )
