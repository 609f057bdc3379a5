"""Emulator: a local Descope's life, and its set-up from Python."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import anyio.to_thread
from aiohttp import web
from attrs import field, frozen

from . import access_keys, arguments, roles, seed, tenants, users
from .answers import Json, Refusal
from .app import App, Server, Settings
from .clock import Clock
from .errors import EmulatorError
from .fields import Fields, from_python
from .listening import is_loopback, listen, url_of
from .project import Call, Project
from .records import new_id, new_secret
from .signing import ALGORITHMS, Algorithm
from .state import State, restored, usable_id, usable_secret

_SHUTDOWN_SECONDS: Final = 2.0
_TOKEN_LIFETIMES: Final = range(1, 4 * 7 * 24 * 3600 + 1)


@frozen
class ProjectCredentials:
    """What a client needs to manage a project.

    Attributes:
        project_id: The project's id.
        management_key: A key that manages this project.
    """

    project_id: str
    management_key: str = field(repr=False)


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
        token_lifetime: Seconds that a session token lives.
        signing_algorithm: ``"RS256"``, ``"ES256"`` or ``"ES384"``.

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
    ) -> None:
        host = arguments.text("host", host)  # an empty one would mean every address
        unsafe_bind = arguments.flag("unsafe_bind", unsafe_bind)
        if not unsafe_bind and not is_loopback(host):
            raise EmulatorError(
                f"host {host} can be reached by other machines; use a loopback address, or allow "
                "it (--unsafe-bind; unsafe_bind=True in Python)"
            )
        if signing_algorithm not in ALGORITHMS:
            raise EmulatorError(f"signing_algorithm must be one of {', '.join(ALGORITHMS)}")
        if project_id is None and data is None:
            project_id = new_id("P")
        self._project_id = None if project_id is None else usable_id(project_id)
        self._management_key = _secret_or_random(management_key)
        self._host = host
        self._port = arguments.integer(
            "port", port, range(2**16), "1 to 65535, or 0 for a free one"
        )
        self._data = None if data is None else arguments.path("data", data)
        self._seed = seed
        self._clock = Clock()
        self._settings = Settings(
            any_host=unsafe_bind,
            token_lifetime=arguments.integer(
                "token_lifetime", token_lifetime, _TOKEN_LIFETIMES, "1 second to 4 weeks"
            ),
            signing_algorithm=signing_algorithm,
        )
        self._state: State | None = None
        self._author = ""
        self._base_url = ""
        self._running = AsyncExitStack()

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
        if self._state:
            raise EmulatorError("the emulator is running already")
        async with AsyncExitStack() as running:
            listener = await anyio.to_thread.run_sync(listen, self._host, self._port)
            running.callback(listener.close)
            self._state = await anyio.to_thread.run_sync(self._open)
            running.push_async_callback(self._forget)
            await self._set_up(self._state)
            app = App(self._state, self._clock, self._settings)
            server = web.ServerRunner(Server(app.answer), shutdown_timeout=_SHUTDOWN_SECONDS)
            running.push_async_callback(server.cleanup)
            await server.setup()
            await web.SockSite(server, listener).start()
            # Long enough to be worth doing before somebody waits for it, and not worth waiting for.
            signer = app.signer(self._state.project(self.project_id))
            running.callback(asyncio.create_task(signer.prepare()).cancel)
            self._base_url = url_of(listener)
            self._running = running.pop_all()

    async def aclose(self) -> None:
        """Stop to listen and let go of the data file. Closing again does nothing."""
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
        return self._management_key

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables that lead clients of any SDK here."""
        return {
            "DESCOPE_BASE_URI": self.base_url,
            "DESCOPE_BASE_URL": self.base_url,
            "DESCOPE_PROJECT_ID": self.project_id,
            "DESCOPE_MANAGEMENT_KEY": self.management_key,
        }

    async def create_project(
        self, project_id: str | None = None, management_key: str | None = None
    ) -> ProjectCredentials:
        """Add a project with a management key of its own; None for random ones.

        Raises:
            EmulatorError: The project exists, or an argument cannot be used.
        """
        state = self._started()
        made = ProjectCredentials(
            new_id("P") if project_id is None else usable_id(project_id),
            _secret_or_random(management_key),
        )
        state.add_managed_project(made.project_id, made.management_key, self._clock.now())
        await state.settle()
        return made

    async def create_management_key(
        self, project_ids: Sequence[str] = (), management_key: str | None = None
    ) -> str:
        """Add a management key for these projects, or for all of them if none is named.

        Raises:
            EmulatorError: A project does not exist, or an argument cannot be used.
        """
        state = self._started()
        known = [self._project(each).id for each in arguments.names("project_ids", project_ids)]
        secret = _secret_or_random(management_key)
        state.add_manager(secret, known)
        await state.settle()
        return secret

    async def create_tenant(
        self, tenant_id: str, name: str | None = None, *, project_id: str | None = None
    ) -> None:
        """Add a tenant; without a name, its id is its name.

        Raises:
            EmulatorError: The tenant exists, or the project does not.
        """
        await self._act(tenants.create, {"id": tenant_id, "name": name or tenant_id}, project_id)

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
        permission_names = arguments.names("permission_names", permission_names)
        for permission_name in permission_names:
            if not self._project(project_id).permissions.find(permission_name):
                await self._act(roles.create_permission, {"name": permission_name}, project_id)
        values = {
            "name": name,
            "permissionNames": permission_names,
            "tenantId": tenant_id,
        }
        await self._act(roles.create, values, project_id)

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
        by_tenant = {} if tenants is None else arguments.names_by_id("tenants", tenants)
        values = {
            "loginId": login_id,
            "status": "enabled",
            "roleNames": arguments.names("role_names", role_names),
            "userTenants": [
                {"tenantId": tenant_id, "roleNames": names}
                for tenant_id, names in by_tenant.items()
            ],
        }
        answer = await self._act(users.create, values, project_id)
        return str(answer["user"]["userId"])

    async def set_user_status(
        self, user_id: str, status: str, *, project_id: str | None = None
    ) -> None:
        """Make a user ``"enabled"``, ``"disabled"`` or ``"invited"``.

        Raises:
            EmulatorError: The user or the project does not exist, or the status is none of these.
        """
        await self._act(users.update_status, {"userId": user_id, "status": status}, project_id)

    async def delete_user(self, user_id: str, *, project_id: str | None = None) -> None:
        """Delete a user.

        Raises:
            EmulatorError: The user or the project does not exist.
        """
        await self._act(users.delete, {"userId": user_id}, project_id)

    async def snapshot(self, project_id: str | None = None) -> dict[str, Any]:
        """All that a project holds, as the service would show it, to assert on.

        Returns:
            Lists by name: ``accessKeys``, ``tenants``, ``permissions``, ``roles`` and ``users``.

        Raises:
            EmulatorError: The project does not exist.
        """
        project = self._project(project_id)
        return {
            "accessKeys": [access_keys.to_json(project, each) for each in project.access_keys],
            "tenants": [tenants.to_json(project, each) for each in project.tenants],
            "permissions": [roles.permission_to_json(each) for each in project.permissions],
            "roles": [roles.to_json(each) for each in project.roles],
            "users": [users.to_json(project, each) for each in project.users],
        }

    def _open(self) -> State:
        return restored(self._data) if self._data else State(None)

    async def _forget(self) -> None:
        state, self._state, self._base_url = self._started(), None, ""
        await state.aclose()

    async def _set_up(self, state: State) -> None:
        contents = Fields({})
        if self._seed is not None:
            contents = await anyio.to_thread.run_sync(seed.read, self._seed)
        if self._project_id is None:
            self._project_id = state.project_ids[0] if state.project_ids else new_id("P")
        now = self._clock.now()
        try:
            self._author = state.set_default_manager(self._management_key).id
            if self._project_id not in state.project_ids:
                project = state.add_project(self._project_id, now)
                seed.fill(project, contents, now, self._author)
            for project_id, management_key, inner in seed.projects(contents):
                if project_id not in state.project_ids:
                    secret = management_key or new_secret()
                    project = state.add_managed_project(project_id, secret, now)
                    seed.fill(project, inner, now, self._author)
        except BaseException:
            state.discard()  # else the next start would find, and keep, half a seed
            raise
        await state.settle()

    def _started(self) -> State:
        if not self._state:
            raise EmulatorError("the emulator is not running: start it first")
        return self._state

    def _project(self, project_id: str | None) -> Project:
        if project_id is None:
            project_id = self.project_id
        try:
            return self._started().project(arguments.text("project_id", project_id))
        except Refusal as refusal:
            raise EmulatorError(f"there is no project {project_id}") from refusal

    async def _act(
        self, rule: Callable[[Call], Json], values: Json, project_id: str | None
    ) -> Json:
        project = self._project(project_id)
        try:
            fields = Fields(from_python(values))
            answer = rule(Call(project, fields, self._clock.now(), self._author))
        except Refusal as refusal:
            raise EmulatorError(refusal.message) from refusal
        await self._started().settle()
        return answer


def _secret_or_random(management_key: str | None) -> str:
    return new_secret() if management_key is None else usable_secret(management_key)
