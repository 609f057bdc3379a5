"""The client: wires the parts together and owns their lifetime."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Mapping, Sequence
from functools import partial
from ssl import SSLContext
from types import TracebackType
from typing import Any, Self

from . import _arguments as arguments
from ._calls.key_set import KeySet
from ._calls.license import License
from ._calls.readiness import Readiness
from ._calls.transport import Transport
from ._config import config
from ._keys.exchange import Exchange
from ._runtime.clock import Clock
from ._telemetry import Telemetry
from ._tokens.claim_rules import ClaimRules, issuers_of
from ._tokens.key_set import parse_pinned_keys
from ._tokens.signing_keys import SigningKeys
from ._tokens.validation import SessionValidator
from ._values.secret import Secret, credential
from ._values.value import part
from .access_keys import AccessKeys
from .dpop_request import DPoPRequest
from .errors import ClientClosed
from .events import Hook
from .models import AccessKeyLoginOptions
from .session_token import SessionToken
from .settings import AccessKeySource, Deliver, ReplayStore, Retries, Timeouts
from .token_source import TokenSource, TokenSources
from .verifier import AccessKeyVerifier, Lifetimes


class Management:
    """What needs a management key.

    Attributes:
        access_key: The project's access keys.
    """

    access_key: AccessKeys = part(AccessKeys)

    def __init__(self, access_key: AccessKeys) -> None:
        self.access_key = access_key


class DescopeClient:
    """A Descope project.

    Constructing it does no I/O. Use it as a context manager, or close it when done. One client
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
        jwt_validation_leeway: Seconds by which the clocks of this machine and of the service may
            differ, at most 300.
        issuers: Further ``iss`` values to accept, such as that of a custom domain.
        timeouts: How long to wait; a mapping of its fields will do. None for the defaults.
        retries: How calls are repeated; a mapping of its fields will do. None for the defaults.
        ssl: TLS settings, to trust a private authority; None for the system's. They must check
            certificates and host names, except to this machine.
        trust_env: Whether to use the proxy that the environment names for https (``HTTPS_PROXY``,
            ``NO_PROXY``). Nothing else of the environment counts, and no ``.netrc``.
        replay_store: Where used DPoP proofs are remembered, for a service of several processes;
            None for this process's memory.
        hooks: Called with each `Event`, on the thread of the event loop that the work runs on: so
            briefly, and without waiting for anything. What they raise is logged.
        deliver: Gets each new secret that `create` and `rotate` bring, unless the call has one of
            its own: see there. None for nobody.
        clock: The time that the client goes by, for tests: such as an `EmulatorClock`. None for
            this machine's.

    Raises:
        ConfigurationError: A setting is unusable. One that is missing is refused by the first call that
            needs it; `check` lists these.
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
        jwt_validation_leeway: float = 5,
        issuers: Sequence[str] | None = None,
        timeouts: Timeouts | Mapping[str, float] | None = None,
        retries: Retries | Mapping[str, float] | None = None,
        ssl: SSLContext | None = None,
        trust_env: bool = False,
        replay_store: ReplayStore | None = None,
        hooks: Sequence[Hook] | None = None,
        deliver: Deliver | None = None,
        clock: Clock | None = None,
    ) -> None:
        keys = [Secret[object](management_key), Secret[object](auth_management_key)]
        del management_key, auth_management_key  # no traceback shall show them
        self._config = config.resolve(
            project_id=project_id,
            management_key=keys[0],
            auth_management_key=keys[1],
            base_url=base_url,
            public_key=public_key,
            key_set=key_set,
            leeway=jwt_validation_leeway,
            issuers=issuers,
            timeouts=timeouts,
            retries=retries,
            ssl=ssl,
            trust_env=trust_env,
            replay_store=replay_store,
            hooks=hooks,
            deliver=deliver,
            clock=clock,
        )
        clock = self._config.clock
        project, pinned = self._config.project_id, self._config.public_key
        telemetry = Telemetry(self._config.hooks, project, self.base_url)
        self._transport = Transport(self._config, clock, telemetry)
        rules = ClaimRules(
            project,
            issuers_of(project, self.base_url, config.default_base_url(project)).union(
                self._config.issuers
            ),
            self._config.leeway,
        )
        published = KeySet(self._config, self._transport)
        pins = parse_pinned_keys(pinned) if pinned else None
        self._keys = SigningKeys(
            published.fetch,
            clock,
            pins if project else None,  # so that a check asks for the project
            self._config.key_set,
            telemetry,
        )
        self._validator = SessionValidator(
            self._keys,
            rules,
            clock,
            self._config.replay_store,
            telemetry,
        )
        self._exchange = Exchange(self._config, self._transport, self._validator, clock)
        license = License(self._config, self._transport, clock)  # noqa: A001 - its name
        self.mgmt = Management(
            AccessKeys(
                self._config, self._transport, license, self._exchange.mint, clock, telemetry
            )
        )
        self._readiness = Readiness(self._config, published, self.mgmt.access_key.load, license)
        self._token_sources = TokenSources(
            self._exchange.mint, clock, self._config.timeouts.exchange, telemetry=telemetry
        )

    @property
    def project_id(self) -> str:
        """The project's id.

        Raises:
            ConfigurationError: The client has none.
        """
        return self._config.require_project()

    @property
    def base_url(self) -> str:
        """Where the service is, without a slash at the end."""
        return self._config.base_url

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

        A setting that is wrong is refused when the client is made. One that is missing is refused
        by the first call that needs it, so that a module may make a client where there are no
        settings, such as in the build of an image.

        Args:
            management: Whether the client is to make management calls, which need a key.

        Returns:
            A sentence for each that is missing; empty when nothing is.
        """
        return self._readiness.missing(management=management)

    async def check_service(self, *, management: bool = True) -> list[str]:
        """Look for missing settings, and ask the service whether it accepts the others.

        It fetches the project's signing keys, compares the clocks, and asks for an access key that
        does not exist and for the rate-limit tier. Nothing is changed.

        Args:
            management: As for `check`.

        Returns:
            A sentence for each problem; empty when there is none.
        """
        return await self._readiness.problems(management=management)

    async def exchange_access_key(
        self,
        access_key: str,
        audience: str | Collection[str] | None = None,
        login_options: AccessKeyLoginOptions | Mapping[str, Any] | None = None,
    ) -> SessionToken:
        """Exchange an access key for a session token.

        Args:
            access_key: The secret of an access key. Surrounding whitespace is dropped.
            audience: As for `validate_session`.
            login_options: Claims to put into the token, and the tenant to act in.

        Raises:
            InvalidArgument: An argument cannot be right.
            ApiError: The service refuses the key: Unauthorized where it is wrong, deleted,
                deactivated or expired.
            RequestFailed: No answer came, or the keys to check the token cannot be had.
            UnexpectedResponse: The answer makes no sense.
            TokenError: The service's token does not pass the checks. An encrypted token cannot be
                checked: see `SessionToken.is_encrypted`.
        """
        given: Secret[object] = Secret(access_key)
        del access_key
        return await self._exchange.exchange(
            credential("access_key", given),
            arguments.audience("audience", audience),
            arguments.login_options("login_options", login_options),
        )

    def token_source(
        self,
        access_key: AccessKeySource,
        login_options: AccessKeyLoginOptions | Mapping[str, Any] | None = None,
    ) -> TokenSource:
        """A session token for an access key, renewed before it ends. Sends nothing yet.

        Args:
            access_key: The secret of an access key, or where to read it: a `SecretReference`, a
                `pathlib.Path`, an `EnvironmentVariable`, or a callable without parameters, which
                may be a coroutine function. It is read again for every exchange, and when the
                service refuses it, so that a rotated key is picked up.
            login_options: Claims to put into the token, and the tenant to act in.

        Raises:
            InvalidArgument: An argument cannot be right.
            ClientClosed: The client is closed.
        """
        given: Secret[object] = Secret(access_key)
        del access_key
        options = arguments.login_options("login_options", login_options)
        return self._token_sources.source(given, options, self)

    def access_key_verifier(
        self,
        *,
        audience: str | Collection[str] | None = None,
        login_options: AccessKeyLoginOptions | Mapping[str, Any] | None = None,
        fresh_for: float = 10,
        usable_for: float = 60,
        refused_for: float = 5,
    ) -> AccessKeyVerifier:
        """What checks the access keys that callers present. Sends nothing yet.

        Make one for the whole process: what it knows, and how much may be guessed, is its own.

        Args:
            audience: As for `validate_session`.
            login_options: Claims to put into each token, and the tenant to act in.
            fresh_for: Seconds for which a good answer serves without asking again, at most 3600.
            usable_for: Seconds for which it serves while the service is asked again, or cannot be
                reached; not less than ``fresh_for``, at most 3600.
            refused_for: Seconds for which a refused key is not sent again, at most 300.

        Raises:
            InvalidArgument: An argument cannot be right.
            ClientClosed: The client is closed.
        """
        fresh = arguments.seconds("fresh_for", fresh_for, 0, 3600)
        lifetimes = Lifetimes(
            fresh,
            arguments.seconds("usable_for", usable_for, fresh, 3600),
            arguments.seconds("refused_for", refused_for, 0, 300),
        )
        exchange = partial(
            self._exchange.exchange,
            audience=arguments.audience("audience", audience),
            options=arguments.login_options("login_options", login_options),
            patience=0,  # a caller who waits for an answer is better told when to come again
        )
        if self._token_sources.restraint.is_closed:
            raise ClientClosed("the client is closed")
        return AccessKeyVerifier(exchange, self._token_sources.restraint, lifetimes, self)

    async def validate_session(
        self,
        session_token: str,
        audience: str | Collection[str] | None = None,
        *,
        dpop: DPoPRequest | None = None,
    ) -> SessionToken:
        """Check a session token. The project's signing keys are fetched when needed, and kept.

        Args:
            session_token: The token, without the word Bearer.
            audience: One or more audiences of which the token must name one. With None, a token
                that names any must name the project id among them.
            dpop: The HTTP request that the token came with. A token that is bound to its holder's
                key (RFC 9449) passes only with a proof for that request, once. With None, no such
                token passes.

        Raises:
            TokenError: The token is refused; the subclass says why.
            KeySetUnavailable: The signing keys cannot be had; the token may be fine.
            ReplayStoreFull: No more proofs can be remembered; the token may be fine.
            InvalidArgument: The audience cannot be right, or ``dpop`` is no request.
        """
        given: Secret[object] = Secret(session_token)
        del session_token
        demanded = arguments.audience("audience", audience)
        request = arguments.dpop_request("dpop", dpop)
        return await self._validator.validate(given, demanded, "validate_session", request)

    def validate_session_nowait(
        self,
        session_token: str,
        audience: str | Collection[str] | None = None,
        *,
        dpop: DPoPRequest | None = None,
    ) -> SessionToken | None:
        """Check a session token without any I/O, on the calling thread.

        Args:
            session_token: The token, without the word Bearer.
            audience: As for `validate_session`.
            dpop: As for `validate_session`.

        Returns:
            None when the project's signing keys must be fetched first, or the client's
            ``replay_store`` be asked: ask `validate_session`.

        Raises:
            TokenError: The token is refused; the subclass says why.
            ReplayStoreFull: No more proofs can be remembered; the token may be fine.
            InvalidArgument: The audience cannot be right, or ``dpop`` is no request.
        """
        given: Secret[object] = Secret(session_token)
        del session_token
        demanded = arguments.audience("audience", audience)
        request = arguments.dpop_request("dpop", dpop)
        return self._validator.validate_nowait(given, demanded, "validate_session", request)

    def export_key_set(self) -> str | None:
        """The project's signing keys as they are known now, for the ``key_set`` of another client.

        They are public. None before the first fetch, and for a client with a ``public_key``.
        """
        return self._keys.export()

    async def refresh_key_set(self) -> None:
        """Fetch the project's signing keys now, to refuse at once what a revoked one has signed.

        Does nothing for a client with a ``public_key``.

        Raises:
            KeySetUnavailable: They cannot be fetched; the old ones stay.
        """
        await self._keys.refresh()

    async def aclose(self) -> None:
        """Close the connections. May be repeated; a call that needs one then raises ClientClosed."""
        await self._token_sources.aclose()
        await self._keys.aclose()
        await self._transport.aclose()

    async def __aenter__(self) -> Self:
        self._config.require_project()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    def __del__(self) -> None:
        if self._abandon():
            warnings.warn(
                "a DescopeClient was not closed; use it as a context manager or close it",
                ResourceWarning,
                source=self._transport,
                stacklevel=2,
            )

    def _abandon(self) -> bool:
        # The constructor may have refused.
        return hasattr(self, "_transport") and self._transport.abandon()

    def __repr__(self) -> str:
        if not hasattr(self, "_config"):  # a traceback shows the one that was refused
            return "<DescopeClient, not usable>"
        return f"DescopeClient(project_id={self._config.project_id!r}, base_url={self.base_url!r})"
