"""A project of a local Descope, for one test: its access keys, its callers, and its outages."""

from __future__ import annotations

import asyncio
import json
import urllib.request
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import chain
from typing import Any, Final, TypeVar

from descope_async import CreatedAccessKey
from descope_async.emulator import Clock, Fault, Faults, RequestLog
from descope_sync import DescopeClient
from descope_sync.emulator import Emulator

__all__ = ["EmulatedProject"]

T = TypeVar("T")

#: How old the token of `EmulatedProject.expired_headers` is, and its leeway is at most 300 s.
_LONG_AGO: Final = 7 * 86_400
_NO_KEY_SET: Final = Fault("status", "key_set")


class EmulatedProject:
    """A project of a local Descope, for one test.

    Every method may be called from blocking tests and from async ones, where it holds up the event
    loop for a moment.

    Attributes:
        project_id: The project's id.
        management_key: A key that manages it.
        secrets: What was handed out, and must be in no log.
    """

    def __init__(self, emulator: Emulator, project_id: str, management_key: str) -> None:
        self.project_id = project_id
        self.management_key = management_key
        self.secrets: list[str] = [management_key]
        self._emulator = emulator
        self._client = DescopeClient(project_id, management_key, base_url=emulator.base_url)
        self._roles = 0

    def __repr__(self) -> str:
        return f"<EmulatedProject {self.project_id}>"

    @property
    def base_url(self) -> str:
        """Where the service is."""
        return self._emulator.base_url

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables that lead a client to this project."""
        return {
            **self._emulator.environment,
            "DESCOPE_PROJECT_ID": self.project_id,
            "DESCOPE_MANAGEMENT_KEY": self.management_key,
        }

    @property
    def clock(self) -> Clock:
        """The service's time, to freeze and to advance."""
        return self._emulator.clock

    @property
    def faults(self) -> Faults:
        """By which rules the service's answers go wrong."""
        return self._emulator.faults

    @property
    def requests(self) -> RequestLog:
        """Which requests the service has seen."""
        return self._emulator.requests

    def access_key(
        self,
        name: str = "test",
        *,
        permissions: Sequence[str] = (),
        roles: Sequence[str] = (),
        tenants: Mapping[str, Sequence[str]] | None = None,
        tenant_roles: Mapping[str, Sequence[str]] | None = None,
        **more: Any,
    ) -> CreatedAccessKey:
        """An access key.

        Args:
            name: Its name.
            permissions: What it may do on the project, by a role that is made for it.
            roles: Its roles on the project, made if they do not exist.
            tenants: The tenants it belongs to, made if they do not exist, each with what the key may
                do there. A key has either tenants, or permissions and roles.
            tenant_roles: The same with the names of its roles there, made if they do not exist.
            more: As for ``access_key.create``.
        """
        granted, held = dict(tenants or {}), dict(tenant_roles or {})
        return _aside(lambda: self._access_key(name, permissions, roles, granted, held, more))

    def token(self, **options: Any) -> str:
        """A session token of a new access key; the parameters are those of `access_key`."""
        return self._exchanged(self.access_key(**options).cleartext)

    def headers(self, **options: Any) -> dict[str, str]:
        """The ``Authorization`` header of a caller; the parameters are those of `access_key`."""
        return _bearer(self.token(**options))

    def expired_headers(self, **options: Any) -> dict[str, str]:
        """The same with a token that has expired."""
        cleartext = self.access_key(**options).cleartext
        self.clock.skew_tokens(-_LONG_AGO)
        try:
            return _bearer(self._exchanged(cleartext))
        finally:
            self.clock.skew_tokens(0)

    def forged_headers(self, **options: Any) -> dict[str, str]:
        """The same with a token whose signature is that of another one."""
        signed, _, _ = self.token(**options).rpartition(".")
        _, _, other = self.token().rpartition(".")
        forged = f"{signed}.{other}"
        self.secrets.append(forged)
        return _bearer(forged)

    @contextmanager
    def unreachable(self, **options: Any) -> Generator[dict[str, str], None, None]:
        """Let the service be down while the block runs.

        Args:
            options: As for `headers`.

        Yields:
            The headers of a caller whose token was signed by a key that the project has had since a
            moment ago: no client knows it, so none can check this token. Other tokens pass wherever
            their keys are known, as they do while the real service is down.
        """
        refusing = _aside(self._emulator.refusing_connections)
        # The exchange needs connections. An application that starts meanwhile must not get the new key.
        self.faults.add(_NO_KEY_SET)
        try:
            _aside(lambda: self._emulator.rotate_signing_keys(project_id=self.project_id))
            headers = self.headers(**options)
            _aside(refusing.__enter__)
        finally:
            self.faults.remove(_NO_KEY_SET)
        try:
            yield headers
        finally:
            _aside(lambda: refusing.__exit__(None, None, None))

    def close(self) -> None:
        """Undo what was steered."""
        _aside(self._emulator.reset)
        _aside(self._client.close)

    def _access_key(
        self,
        name: str,
        permissions: Sequence[str],
        roles: Sequence[str],
        tenants: dict[str, Sequence[str]],
        tenant_roles: dict[str, Sequence[str]],
        more: Mapping[str, Any],
    ) -> CreatedAccessKey:
        there = self._emulator.snapshot(self.project_id)
        known_roles = {role["name"] for role in there["roles"]}
        for role in {*roles, *chain.from_iterable(tenant_roles.values())} - known_roles:
            self._emulator.create_role(role, project_id=self.project_id)
        known_tenants = {tenant["id"] for tenant in there["tenants"]}
        names = list(roles)
        if permissions:
            names.append(self._role(permissions, None))
        key_tenants: list[dict[str, Any]] = []
        for tenant in tenants | tenant_roles:
            if tenant not in known_tenants:
                self._emulator.create_tenant(tenant, project_id=self.project_id)
            role_names = list(tenant_roles.get(tenant, ()))
            if tenants.get(tenant):
                role_names.append(self._role(tenants[tenant], tenant))
            key_tenants.append({"tenant_id": tenant, "role_names": role_names})
        created = self._client.mgmt.access_key.create(
            name, role_names=names or None, key_tenants=key_tenants or None, **more
        )
        self.secrets.append(created.cleartext)
        return created

    def _role(self, permissions: Sequence[str], tenant: str | None) -> str:
        self._roles += 1
        name = f"role {self._roles}"
        self._emulator.create_role(name, permissions, tenant_id=tenant, project_id=self.project_id)
        return name

    def _exchanged(self, cleartext: str) -> str:
        """The token for an access key. The client would refuse one that is skewed."""
        request = urllib.request.Request(  # noqa: S310 - this is the local Descope
            f"{self.base_url}/v1/auth/accesskey/exchange",
            b"{}",
            {
                "Authorization": f"Bearer {self.project_id}:{cleartext}",
                "Content-Type": "application/json",
            },
        )
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with direct.open(request, timeout=30) as answer:
            token: str = json.load(answer)["sessionJwt"]
        self.secrets.append(token)
        return token


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def _aside(function: Callable[[], T]) -> T:
    """Call a blocking function, away from an event loop that runs on this thread."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return function()
    with ThreadPoolExecutor(1) as worker:
        return worker.submit(function).result()
