"""Emulator: a local Descope, as Python code has it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from . import _arguments as arguments
from . import _controls as controls
from . import _setting_up as set_up
from ._faults.matching import Faults
from ._forgotten_calls import watch
from ._memory.records import new_id, new_secret
from ._memory.signing_keys import Algorithm
from ._operations import tenants, users
from ._serving.life import Life
from ._serving.options import Options
from .clock import Clock
from .credentials import ProjectCredentials
from .request_log import RequestLog
from .token_shapes import TokenShape

__all__ = ["Emulator"]


class Emulator:
    """A local Descope, to be used as a context manager or with `start` and `aclose`.

    It serves on a thread of its own, whichever event loop its methods are awaited on. What it
    holds is in memory, and gone at the end, unless a data file is named. `EmulatorError` is raised
    for arguments that cannot be used, by the constructor and by every method, and for methods that
    need the emulator to run, and where an earlier call was not awaited. A method's `project_id` is
    the project that it is about; None is the first one.

    Args:
        project_id: The id of the first project. None for a random one, or, with a data file, for
            the first project in it.
        management_key: The key that manages every project. None for a random one, which a data
            file keeps; it does not keep one that is given.
        host: The address to listen on.
        port: The port to listen on; 0 for a free one.
        data: A file to keep everything in. It is made if there is none.
        seed: What to put into projects that are new: a mapping, or a YAML or JSON file of one.
        unsafe_bind: Allow a host that other machines can reach, and requests for any host name.
        token_lifetime: Seconds that a session token lives, where nothing else was set.
        signing_algorithm: ``"RS256"``, ``"ES256"`` or ``"ES384"``.
        key_rotation: Seconds of the emulator's clock after which a project's signing keys are
            rotated, as the service does daily; 0 for never.
        tls: Speak TLS, and nothing else, with a `certificate` that nobody trusts unless told to.
        strict: Refuse roles, tenants, permissions, users and access-key attributes that the
            project does not have.
        rate_limits: Refuse too many requests, as the service does.
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
        strict: bool = False,
        rate_limits: bool = False,
    ) -> None:
        options = Options(
            project_id=new_id("P") if project_id is None and data is None else project_id,
            management_key=None
            if management_key is None and data is not None
            else set_up.secret_or_random(management_key),
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
            strict=strict,
            rate_limits=rate_limits,
        )
        self._life = Life(options)

    def __repr__(self) -> str:
        return f"<Emulator {self._life.shown}>"

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._life.stop(tell=exc is None)

    async def start(self) -> None:
        """Start to listen. The port, the data file and the seed are checked here."""
        await self._life.start()

    async def aclose(self) -> None:
        """Stop to listen and let go of the data file.

        Closing again does nothing, and neither does a forked child: it is its parent's.
        """
        await self._life.stop()

    @property
    def base_url(self) -> str:
        """Where it listens, such as ``http://127.0.0.1:49152``."""
        return self._life.base_url

    @property
    def project_id(self) -> str:
        """The id of the first project."""
        return self._life.project_id

    @property
    def management_key(self) -> str:
        """A key that manages every project."""
        return self._life.management_key

    @property
    def control_token(self) -> str:
        """What HTTP requests must show to steer the emulator: random, and new for each emulator."""
        return self._life.options.control_token

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables that lead clients of any SDK here, and tests to the controls."""
        return self._life.environment

    @property
    def clock(self) -> Clock:
        """The time that keys, tokens and the key set go by, to freeze and to advance."""
        return self._life.clock

    @property
    def requests(self) -> RequestLog:
        """Which requests have come, to count and to look at, also after the end."""
        return self._life.requests

    @property
    def faults(self) -> Faults:
        """By which rules requests go wrong, to add some; they stay until they are cleared."""
        return self._life.faults

    @property
    def certificate(self) -> str:
        """The certificate for TLS, as PEM, for clients that are to trust it. Each start makes a new one."""
        return self._life.certificate

    def refusing_connections(self) -> AbstractAsyncContextManager[None, bool | None]:
        """Refuse all connections while the block runs, as if nothing listened on the port.

        Those that there are at its beginning are closed.
        """
        return self._life.refusing()

    async def set_token_lifetime(
        self, seconds: int | None, *, project_id: str | None = None
    ) -> None:
        """Let session tokens of a project live so long from now on; a data file keeps it.

        It is 1 second to 4 weeks; None for what the emulator was constructed with.
        """
        await self._life.run(lambda it: controls.set_token_lifetime(it, seconds, project_id))

    async def set_token_shape(
        self,
        shape: TokenShape | str | None,
        *,
        project_id: str | None = None,
        key_id: str | None = None,
    ) -> None:
        """Let session tokens look like this from now on; a data file keeps it.

        The shape may be the id of one of the project's JWT templates; None is the default. It is
        for one access key (`key_id`), or for all of the project's that have no shape of their own.
        """
        await self._life.run(lambda it: controls.set_token_shape(it, shape, project_id, key_id))

    async def expired_token(self, *, project_id: str | None = None) -> str:
        """A session token of the project that expired an hour ago, and is right otherwise."""
        return await self._life.run(lambda it: controls.expired_token(it, project_id))

    async def rotate_signing_keys(self, *, project_id: str | None = None) -> None:
        """Sign with a new key from now on. The newest 12 keys stay published, as at the service."""
        await self._life.run(lambda it: controls.rotate_signing_keys(it, project_id))

    async def rotate_and_revoke_signing_keys(self, *, project_id: str | None = None) -> None:
        """Sign with a new key from now on, and publish no other: earlier tokens are void."""
        await self._life.run(lambda it: controls.rotate_signing_keys(it, project_id, revoke=True))

    async def set_wrong_kid(self, wrong: bool, *, project_id: str | None = None) -> None:
        """Let each token of a project name a key that is not published, or the one that signs it."""
        await self._life.run(lambda it: controls.set_wrong_kid(it, wrong, project_id))

    async def set_cache_control(self, value: str) -> None:
        """Send every key set with this ``Cache-Control``, such as ``"max-age=60"``; "" for none."""
        await self._life.run(lambda it: controls.set_cache_control(it, value))

    async def set_rate_limits(self, enabled: bool) -> None:
        """Refuse too many requests, as the service does, or stop to, and count from 0 again."""
        await self._life.run(lambda it: controls.set_rate_limits(it, enabled))

    async def reset(self) -> None:
        """Undo all that was steered, and forget the requests that came.

        That is the clock, skewed tokens, wrong keys, lifetimes, shapes, ``Cache-Control``, faults
        and rate limits. What the projects hold stays, signing keys included.
        """
        await self._life.run(controls.reset)

    async def create_project(
        self, project_id: str | None = None, management_key: str | None = None
    ) -> ProjectCredentials:
        """Add a project with a management key of its own; None for random ones."""
        return await self._life.run(
            lambda it: set_up.create_project(it, project_id, management_key)
        )

    async def create_management_key(
        self, project_ids: Sequence[str] = (), management_key: str | None = None
    ) -> str:
        """Add a management key for these projects, or for all of them if none is named."""
        return await self._life.run(
            lambda it: set_up.create_management_key(it, project_ids, management_key)
        )

    async def create_tenant(
        self, tenant_id: str, name: str | None = None, *, project_id: str | None = None
    ) -> None:
        """Add a tenant; without a name, its id is its name."""
        values = {"id": tenant_id, "name": name or tenant_id}
        await self._life.run(lambda it: it.act(tenants.create, values, project_id))

    async def create_role(
        self,
        name: str,
        permission_names: Sequence[str] = (),
        *,
        tenant_id: str | None = None,
        project_id: str | None = None,
    ) -> None:
        """Add a role, of a tenant or (None) of the project, and its permissions that are missing."""
        await self._life.run(
            lambda it: set_up.create_role(it, name, permission_names, tenant_id, project_id)
        )

    async def create_user(
        self,
        login_id: str,
        *,
        role_names: Sequence[str] = (),
        tenants: Mapping[str, Sequence[str]] | None = None,
        project_id: str | None = None,
    ) -> str:
        """Add an enabled user, with roles on the project and by tenant id, and return its user id.

        The user signs in with the login id, such as an email address.
        """
        return await self._life.run(
            lambda it: set_up.create_user(it, login_id, role_names, tenants, project_id)
        )

    async def set_user_status(
        self, user_id: str, status: str, *, project_id: str | None = None
    ) -> None:
        """Make a user ``"enabled"``, ``"disabled"`` or ``"invited"``."""
        values = {"userId": user_id, "status": status}
        await self._life.run(lambda it: it.act(users.update_status, values, project_id))

    async def delete_user(self, user_id: str, *, project_id: str | None = None) -> None:
        """Delete a user."""
        await self._life.run(lambda it: it.act(users.delete, {"userId": user_id}, project_id))

    async def snapshot(self, project_id: str | None = None) -> dict[str, Any]:
        """All that a project holds, as the service would show it, to assert on.

        Returns:
            Lists by name: ``accessKeys``, ``tenants``, ``permissions``, ``roles`` and ``users``.
        """
        return await self._life.run(lambda it: set_up.snapshot(it, project_id))


watch(Emulator, lambda emulator: emulator._life.forgotten)  # noqa: SLF001 - of this module
