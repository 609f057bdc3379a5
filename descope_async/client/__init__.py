"""The client: takes the settings, connects the parts, and closes them."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from os import PathLike
from ssl import SSLContext
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from descope_async._calls.license import License
from descope_async._calls.transport import Transport
from descope_async._config.config import resolve
from descope_async._runtime.clock import Clock
from descope_async._runtime.late import late
from descope_async._values.secret import Secret
from descope_async._values.value import part
from descope_async.errors import ConfigurationError, NotConfigured
from descope_async.events import Hook
from descope_async.events._telemetry import Telemetry
from descope_async.settings import Deliver, Limits, ReplayStore, RequestIdSource, Retries, Timeouts

from ._authentication import Authentication
from ._parts import (
    Parts,
    all_needed,
    import_access_keys,
    import_readiness,
    late_part,
    needed,
    needed_aside,
)

if TYPE_CHECKING:
    from descope_async._calls.readiness import Readiness
    from descope_async.access_keys import AccessKeys

__all__ = ["DescopeClient", "Management"]


class Management:
    """The calls that need a management key.

    Attributes:
        access_key: The project's access keys.
    """

    access_key: AccessKeys = late_part(
        import_access_keys, lambda self, access_keys: self._make(access_keys)
    )

    def __init__(self, make: Callable[[type[AccessKeys]], AccessKeys]) -> None:
        self._make = make


class DescopeClient(Authentication):
    """A Descope project.

    Constructing it sends nothing. Use it as a context manager, or close it when done. One client
    serves any number of tasks, threads and event loops.

    Args:
        project_id: The project; None for DESCOPE_PROJECT_ID.
        management_key: The key for ``mgmt``; None for DESCOPE_MANAGEMENT_KEY, if set.
        auth_management_key: A management key to send along with exchanges, for projects that
            closed their authentication calls to the public; None for DESCOPE_AUTH_MANAGEMENT_KEY.
        base_url: Where the service is; None for DESCOPE_BASE_URI or DESCOPE_BASE_URL, else the
            region in the project id. Must be https, except on this machine.
        public_key: A JWK or a JWK set, as a mapping or JSON text, to check tokens with instead of the keys
            that the service publishes; None for DESCOPE_PUBLIC_KEY, if set.
        key_set: What `export_key_set` of another client gave, to check tokens with until the
            service's keys could be fetched, for at most a day; not beside a ``public_key``. None
            for nothing.
        key_set_file: A file that keeps the fetched signing keys, for the next process or another one to
            begin with: for at most a day, as above. It is made with the mode 0600. When others can
            write it, or it has another project's keys, tokens are not checked but a ConfigurationError
            is raised. Where it cannot be written, the log says so once. None for no file.
        jwt_validation_leeway: Seconds by which the clocks of this machine and of the service may
            differ, at most 300.
        issuers: Further issuers to accept, such as a custom domain, a tenant or an MCP server: a value of
            ``iss``, or the well-known URL that Descope shows for it.
        timeouts: How long to wait; a mapping of its fields will do. None for the defaults.
        retries: How calls are repeated; a mapping of its fields will do. None for the defaults.
        ssl: TLS settings, to trust a private authority. They must check certificates and host names,
            except to this machine. None for the system's authorities, or those in ``SSL_CERT_FILE`` and
            ``SSL_CERT_DIR``, and beside them those in ``REQUESTS_CA_BUNDLE``, else ``CURL_CA_BUNDLE``.
        trust_env: Whether to go through the proxy that the environment, or the system, names for https
            (``HTTPS_PROXY``, ``ALL_PROXY``, ``NO_PROXY``). This machine is always reached directly.
            ``.netrc`` is never read.
        limits: How many connections there may be; a mapping of its fields will do. None for the
            defaults.
        headers: What every request to the service says beside the client's own headers, which these
            cannot replace: such as a gateway's credentials. They never go to a proxy.
        user_agent: What ``User-Agent`` says after the client's own name, such as ``"billing/2.1"``.
        external_request_id: Where the id of the caller's own request is found: a context variable, or a
            function, called on the thread of the event loop. The service gets it as
            ``x-external-rid`` and shows it in its audit log. What is no id of at most 128 printable
            ASCII characters without spaces is not sent.
        replay_store: Where used DPoP proofs are remembered, for a service of several processes;
            None for this process's memory.
        hooks: Called with each `Event`, on the thread of the event loop that the work runs on: so
            briefly, and without waiting for anything. What they raise is logged.
        deliver: Gets each new secret that `create` and `rotate` bring, unless the call has one of
            its own: see there. None for nobody.
        clock: The time that the client goes by, for tests: such as an `EmulatorClock`. None for
            this machine's.

    Raises:
        ConfigurationError: A setting is unusable. One that is missing is looked for in the environment
            again by the first call that needs it, which refuses to go without; `check` lists these.
    """

    mgmt: Management = part(Management)

    def __init__(
        self,
        project_id: str | None = None,
        management_key: str | None = None,
        *,
        auth_management_key: str | None = None,
        base_url: str | None = None,
        public_key: str | Mapping[str, Any] | None = None,
        key_set: str | Mapping[str, Any] | None = None,
        key_set_file: str | PathLike[str] | None = None,
        jwt_validation_leeway: float = 5,
        issuers: Sequence[str] | None = None,
        timeouts: Timeouts | Mapping[str, float] | None = None,
        retries: Retries | Mapping[str, float] | None = None,
        ssl: SSLContext | None = None,
        trust_env: bool = True,
        limits: Limits | Mapping[str, float] | None = None,
        headers: Mapping[str, str] | None = None,
        user_agent: str | None = None,
        external_request_id: RequestIdSource | None = None,
        replay_store: ReplayStore | None = None,
        hooks: Sequence[Hook] | None = None,
        deliver: Deliver | None = None,
        clock: Clock | None = None,
    ) -> None:
        written = {
            "project_id": Secret[object](project_id),
            "management_key": Secret[object](management_key),
            "auth_management_key": Secret[object](auth_management_key),
            "base_url": Secret[object](base_url),
            "public_key": Secret[object](public_key),
            "key_set": Secret[object](key_set),
        }
        own_headers = Secret[object](headers)
        # No traceback shall show them. Any of them may have a secret that belongs elsewhere.
        del project_id, management_key, auth_management_key
        del base_url, public_key, key_set, headers
        config = resolve(
            written,
            key_set_file=key_set_file,
            leeway=jwt_validation_leeway,
            issuers=issuers,
            timeouts=timeouts,
            retries=retries,
            ssl=ssl,
            trust_env=trust_env,
            limits=limits,
            headers=own_headers,
            user_agent=user_agent,
            external_request_id=external_request_id,
            replay_store=replay_store,
            hooks=hooks,
            deliver=deliver,
            clock=clock,
        )
        clock = config.clock
        telemetry = Telemetry(config.hooks, config.service)
        transport = Transport(config, clock, telemetry)
        parts = Parts(config, transport, telemetry)
        super().__init__(config, parts)
        self._telemetry = telemetry
        self._transport = transport
        self._license = tier = License(config, transport, clock)
        self.mgmt = Management(
            lambda access_keys: access_keys(config, transport, tier, parts.mint, clock, telemetry)
        )

    @property
    def project_id(self) -> str:
        """The project's id.

        Raises:
            NotConfigured: The client has none.
        """
        try:
            return self._config.project.id
        except ConfigurationError as error:
            raise NotConfigured(str(error)) from None

    @property
    def base_url(self) -> str:
        """Where the service is, without a slash at the end.

        Raises:
            NotConfigured: A setting that was set after the client was made is unusable.
        """
        try:
            return str(self._config.deployment.project_so_far().base_url)
        except ConfigurationError as error:
            raise NotConfigured(str(error)) from None

    @property
    def clock(self) -> Clock:
        """The time that the client goes by."""
        return self._config.clock

    @property
    def has_replay_store(self) -> bool:
        """Whether used DPoP proofs are remembered elsewhere than in this process."""
        return self._config.replay_store is not None

    def check(self, *, management: bool = True) -> list[str]:
        """Look for missing settings. Sends nothing.

        A setting that is wrong is refused when the client is made. One that is missing is looked for
        again, and refused, by the first call that needs it. So a module may make a client before the
        environment is loaded, or where there are no settings, such as in the build of an image.

        Args:
            management: Whether the client is to make management calls, which need a key.

        Returns:
            A sentence for each that is missing, or was set to something unusable after the client was
            made; empty when there is none.
        """
        return self._readiness.missing(management=management)

    async def check_service(self, *, management: bool = True) -> list[str]:
        """Look for missing settings, and ask the service whether it accepts the others.

        It fetches the project's signing keys, compares the clocks, and asks for an access key that
        does not exist and for the rate-limit tier. Nothing is changed.

        Args:
            management: As for `check`.

        Returns:
            A sentence for each problem that could be found; empty when there is none. A service that does not
            answer is asked no more.

        Raises:
            ClientClosed: The client is closed.
        """
        await needed_aside(import_readiness)
        return await self._readiness.problems(management=management)

    async def aclose(self) -> None:
        """Close the connections. May be repeated; a call that needs one then raises ClientClosed."""
        await self._parts.aclose()
        await self._license.aclose()
        await self._transport.aclose()

    @late
    def _readiness(self) -> Readiness:
        validating, load = self._parts.validating, self.mgmt.access_key.load
        return needed(import_readiness)(
            self._config, validating.validation, validating.key_set_fetch, load, self._license
        )

    async def __aenter__(self) -> Self:
        _ = self._config.project  # as the first call would, refuse to go without
        await self._transport.prepare()
        await all_needed()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    def __del__(self) -> None:
        # The constructor may have refused.
        if hasattr(self, "_transport") and self._transport.is_open:
            warnings.warn(
                "a DescopeClient was not closed; use it as a context manager or close it",
                ResourceWarning,
                source=self._transport,
                stacklevel=2,
            )

    def __repr__(self) -> str:
        if not hasattr(self, "_config"):  # a traceback shows the one that was refused
            return "<DescopeClient, not usable>"
        found = self._config.deployment.known_project
        return f"DescopeClient(project_id={found.id!r}, base_url={str(found.base_url)!r})"
