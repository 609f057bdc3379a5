"""What every test shares."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pytest
from hypothesis import settings

import descope_async
from descope_async.testing import tell_unclaimed_secrets
from tests import ports
from tests.servers import Servers

# Most tests make keys and never use them. The tests of what is told turn it on.
tell_unclaimed_secrets(told=False)

# A busy machine is slow, not wrong.
settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")

# A developer's own credentials must not leak into tests, nor tests into a real project.
for _name in [name for name in os.environ if name.startswith("DESCOPE_")]:
    del os.environ[_name]

# Nor may a test depend on the proxies and authorities of the machine that it runs on.
_WAYS = ("_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
for _name in [name for name in os.environ if name.upper().endswith(_WAYS)]:
    del os.environ[_name]


# Nor on a signal that a shell ignores for what nohup or & starts: children would inherit that.
_HANDLERS: dict[str, Any] = {"SIGINT": signal.default_int_handler, "SIGHUP": signal.SIG_DFL}
for _number in [number for number in signal.Signals if number.name in _HANDLERS]:
    if signal.getsignal(_number) is signal.SIG_IGN:
        signal.signal(_number, _HANDLERS[_number.name])


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """The core is aiohttp's, so asyncio is the only backend."""
    return "asyncio"


@pytest.fixture(scope="module", params=["json", "msgspec"])
def each_decoder(request: pytest.FixtureRequest) -> Iterator[None]:
    """Searches are decoded with the extra `fast` and without it: a module's tests run for both."""
    import_module("msgspec.json")  # not for the first time where it is hidden
    descope_async.preload()  # else small answers do without it
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "json":
            patch.setitem(sys.modules, "msgspec", None)
            patch.setitem(sys.modules, "msgspec.json", None)
        yield


@pytest.fixture
def unused_port() -> int:
    """A port on which nobody listens."""
    return ports.unused()


@pytest.fixture(scope="session")
def emulator_url() -> Iterator[tuple[str, str, str]]:
    """Base URL, project id and management key of a local Descope that all tests share."""
    from descope_sync.emulator import Emulator

    with Emulator() as emulator:
        yield emulator.base_url, emulator.project_id, emulator.management_key


@pytest.fixture
def servers() -> type[Servers]:
    """Servers that answer as told, down to the byte."""
    return Servers
