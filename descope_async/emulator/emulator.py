"""Emulator: a local Descope, as Python code has it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from . import arguments, controls, set_up
from ._faults.rules import Faults
from ._memory.records import new_id, new_secret
from ._memory.signing import Algorithm
from ._rules import tenants, users
from ._serving.listener import Listener
from ._serving.start import Options, running
from .clock import Clock
from .errors import EmulatorError
from .instance import Instance
from .request_log import RequestLog
from .set_up import ProjectCredentials


class Emulator:
    """A local Descope, to be used as a context manager or with `start` and `aclose`.

    It answers the service's paths for access keys, their exchange, the key set and the license,
    and for the tenants, roles, permissions and users that give access keys their meaning. All of
    it is in memory, and gone at the end, unless a data file is named.

    Args:
        project_id: The id of the first project. None for a random one, or, with a data file, for
            the first project in it.
        management_key: The key that manages every project. None for a random one. A data file
            keeps no secret, so each start sets it anew.
        host: The address to listen on.
        port: The port to listen on; 0 for a free one.
        data: A file to keep everything in. It is made if there is none.
        seed: What to put into projects that are new: a mapping, or a YAML or JSON file of one.
        unsafe_bind: Allow a host that other machines can reach, and requests for any host name.
        token_lifetime: Seconds that a session token lives, where `set_token_lifetime` has set no
            other.
        signing_algorithm: ``"RS256"``, ``"ES256"`` or ``"ES384"``.
        key_rotation: Seconds of the emulator's clock after which a project's signing keys are
            rotated, as the service does daily; 0 for never.
        tls: Speak TLS, and nothing else, with a `certificate` that nobody trusts unless told to.

    Raises:
        EmulatorError: An argument cannot be used; the message says which and why.
    """

    def __init__(
        self,
        project_id: str | None = None,
        management_key: str | None = None,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        data: str | Path | None = None,
        seed: str | Path | Mapping[str, Any] | None = None,
        unsafe_bind: bool = False,
        token_lifetime: int = 600,
        signing_algorithm: Algorithm = "RS256",
        key_rotation: int = 86_400,
        tls: bool = False,
    ) -> None:
        self._options = Options(
            project_id=new_id("P") if project_id is None and data is None else project_id,
            management_key=set_up.secret_or_random(management_key),
            control_token=new_secret(),
            host=host,
            port=port,
            data=None if data is None else arguments.path("data", data),
            seed=seed,
            unsafe_bind=unsafe_bind,
            token_lifetime=token_lifetime,
            signing_algorithm=signing_algorithm,
            key_rotation=key_rotation,
            tls=tls,
        )
        self._project_id = self._options.project_id
        self._clock = Clock()
        self._requests = RequestLog()
        self._faults = Faults()
        self._listener: Listener | None = None
        self._instance: Instance | None = None
        self._base_url = ""
        self._running = AsyncExitStack()
        self._process = 0

    def __repr__(self) -> str:
        return f"<Emulator {self._base_url or 'not running'}>"

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def start(self) -> None:
        """Start to listen.

        Raises:
            EmulatorError: It runs already, the port is in use, or the data file or the seed cannot
                be used; the message says which and why.
        """
        if self._instance:
            raise EmulatorError("the emulator is running already")
        async with AsyncExitStack() as life:
            instance, listener = await life.enter_async_context(
                running(self._options, self._clock, self._requests, self._faults)
            )
            self._instance, self._listener = instance, listener
            self._base_url = listener.base_url
            self._project_id = instance.project_id
            life.callback(self._forget)
            self._running = life.pop_all()
            self._process = os.getpid()

    async def aclose(self) -> None:
        """Stop to listen and let go of the data file.

        Closing again does nothing, and neither does a forked child: it is its parent's.
        """
        if self._process == os.getpid():
            await self._running.aclose()

    @property
    def base_url(self) -> str:
        """Where it listens, such as ``http://127.0.0.1:49152``."""
        if not self._base_url:
            raise EmulatorError("the emulator is not running: start it first")
        return self._base_url

    @property
    def project_id(self) -> str:
        """The id of the first project."""
        if self._project_id is None:
            raise EmulatorError("the project is not known yet: start the emulator first")
        return self._project_id

    @property
    def management_key(self) -> str:
        """A key that manages every project."""
        return self._options.management_key

    @property
    def control_token(self) -> str:
        """What HTTP requests must show to steer the emulator: random, and new for each emulator."""
        return self._options.control_token

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables that lead clients of any SDK here, and tests to the controls."""
        return {
            "DESCOPE_BASE_URI": self.base_url,
            "DESCOPE_BASE_URL": self.base_url,
            "DESCOPE_PROJECT_ID": self.project_id,
            "DESCOPE_MANAGEMENT_KEY": self.management_key,
            "DESCOPE_EMULATOR_TOKEN": self.control_token,
        }

    @property
    def clock(self) -> Clock:
        """The time that keys, tokens and the key set go by, to freeze and to advance."""
        return self._clock

    @property
    def requests(self) -> RequestLog:
        """Which requests have come, to count and to look at, also after the end."""
        return self._requests

    @property
    def faults(self) -> Faults:
        """By which rules requests go wrong, to add some; they stay until they are cleared."""
        return self._faults

    @property
    def certificate(self) -> str:
        """What it shows over TLS, new for each start: PEM, for clients that are to trust it.

        Raises:
            EmulatorError: It does not speak TLS, or is not running.
        """
        if self._listener is None or self._listener.certificate is None:
            raise EmulatorError("there is no certificate: construct it with tls, and start it")
        return self._listener.certificate.pem

    def refusing_connections(self) -> AbstractAsyncContextManager[None, bool | None]:
        """Refuse all connections while the block runs, as if nothing listened on the port.

        Those that there are at its beginning are closed.

        Raises:
            EmulatorError: They are refused already, or the emulator is not running.
        """
        if self._listener is None:
            raise EmulatorError("the emulator is not running: start it first")
        return self._listener.refusing()

    async def set_token_lifetime(
        self, seconds: int | None, *, project_id: str | None = None
    ) -> None:
        """Let session tokens of a project live so long from now on; a data file keeps it.

        Args:
            seconds: 1 second to 4 weeks; None for what the emulator was constructed with.
            project_id: The project; None for the first one.

        Raises:
            EmulatorError: The project does not exist, or the seconds cannot be used.
        """
        await controls.set_token_lifetime(self._started(), seconds, project_id)

    async def rotate_signing_keys(self, *, project_id: str | None = None) -> None:
        """Sign with a new key from now on. The newest 12 keys stay published, as at the service.

        Raises:
            EmulatorError: The project does not exist.
        """
        await controls.rotate_signing_keys(self._started(), project_id)

    async def rotate_and_revoke_signing_keys(self, *, project_id: str | None = None) -> None:
        """Sign with a new key from now on, and publish no other: earlier tokens are void.

        Raises:
            EmulatorError: The project does not exist.
        """
        await controls.rotate_signing_keys(self._started(), project_id, revoke=True)

    async def set_wrong_kid(self, wrong: bool, *, project_id: str | None = None) -> None:
        """Let each token of a project name a key that is not published, until told otherwise.

        Args:
            wrong: Whether tokens name such a key, each a random one, or the one that signs them.
            project_id: The project; None for the first one.

        Raises:
            EmulatorError: The project does not exist.
        """
        await controls.set_wrong_kid(self._started(), wrong, project_id)

    async def set_cache_control(self, value: str) -> None:
        """Send every key set with this ``Cache-Control``, such as ``"max-age=60"``; "" for none.

        Raises:
            EmulatorError: It cannot be a header.
        """
        await controls.set_cache_control(self._started(), value)

    async def reset(self) -> None:
        """Undo all that was steered, and forget the requests that came.

        The clock shows this machine's time, no token is skewed or names a wrong key, token
        lifetimes are what the emulator was constructed with, key sets have no ``Cache-Control``,
        and there are no faults. What the projects hold stays, signing keys included.
        """
        await controls.reset(self._started())

    async def create_project(
        self, project_id: str | None = None, management_key: str | None = None
    ) -> ProjectCredentials:
        """Add a project with a management key of its own; None for random ones.

        Raises:
            EmulatorError: The project exists, or an argument cannot be used.
        """
        return await set_up.create_project(self._started(), project_id, management_key)

    async def create_management_key(
        self, project_ids: Sequence[str] = (), management_key: str | None = None
    ) -> str:
        """Add a management key for these projects, or for all of them if none is named.

        Raises:
            EmulatorError: A project does not exist, or an argument cannot be used.
        """
        return await set_up.create_management_key(self._started(), project_ids, management_key)

    async def create_tenant(
        self, tenant_id: str, name: str | None = None, *, project_id: str | None = None
    ) -> None:
        """Add a tenant; without a name, its id is its name.

        Raises:
            EmulatorError: The tenant exists, or the project does not.
        """
        values = {"id": tenant_id, "name": name or tenant_id}
        await self._started().act(tenants.create, values, project_id)

    async def create_role(
        self,
        name: str,
        permission_names: Sequence[str] = (),
        *,
        tenant_id: str | None = None,
        project_id: str | None = None,
    ) -> None:
        """Add a role, and those of its permissions that do not exist.

        Args:
            name: The role's name.
            permission_names: What it permits.
            tenant_id: The tenant it is for; None for the whole project.
            project_id: The project; None for the first one.

        Raises:
            EmulatorError: The role exists, or the project does not.
        """
        await set_up.create_role(self._started(), name, permission_names, tenant_id, project_id)

    async def create_user(
        self,
        login_id: str,
        *,
        role_names: Sequence[str] = (),
        tenants: Mapping[str, Sequence[str]] | None = None,
        project_id: str | None = None,
    ) -> str:
        """Add an enabled user, and return its user id.

        Args:
            login_id: What the user signs in with, such as an email address.
            role_names: The user's roles on the project.
            tenants: The user's tenants: roles by tenant id.
            project_id: The project; None for the first one.

        Raises:
            EmulatorError: The login id is in use, or the project does not exist.
        """
        return await set_up.create_user(self._started(), login_id, role_names, tenants, project_id)

    async def set_user_status(
        self, user_id: str, status: str, *, project_id: str | None = None
    ) -> None:
        """Make a user ``"enabled"``, ``"disabled"`` or ``"invited"``.

        Raises:
            EmulatorError: The user or the project does not exist, or the status is none of these.
        """
        values = {"userId": user_id, "status": status}
        await self._started().act(users.update_status, values, project_id)

    async def delete_user(self, user_id: str, *, project_id: str | None = None) -> None:
        """Delete a user.

        Raises:
            EmulatorError: The user or the project does not exist.
        """
        await self._started().act(users.delete, {"userId": user_id}, project_id)

    async def snapshot(self, project_id: str | None = None) -> dict[str, Any]:
        """All that a project holds, as the service would show it, to assert on.

        Returns:
            Lists by name: ``accessKeys``, ``tenants``, ``permissions``, ``roles`` and ``users``.

        Raises:
            EmulatorError: The project does not exist.
        """
        return set_up.snapshot(self._started(), project_id)

    def _forget(self) -> None:
        self._instance, self._listener, self._base_url = None, None, ""

    def _started(self) -> Instance:
        if not self._instance:
            raise EmulatorError("the emulator is not running: start it first")
        return self._instance
