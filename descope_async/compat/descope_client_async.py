"""The official SDK's client, over the client of this package."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from ssl import SSLContext
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, cast

from descope_async._values.secret import Secret
from descope_async.client import DescopeClient
from descope_async.errors import ConfigurationError
from descope_async.models import AccessKeyLoginOptions
from descope_async.settings import Timeouts

from ._grants import Grants
from ._jwt_response import exchanged, readable, validated
from ._unsupported import unsupported
from .access_key import AccessKeyManagement
from .exceptions import official_errors

__all__ = ["DescopeClientAsync"]


class Mgmt:
    """What needs a management key.

    Attributes:
        access_key: The project's access keys.
    """

    access_key: AccessKeyManagement

    def __init__(self, access_key: AccessKeyManagement) -> None:
        self.access_key = access_key

    if not TYPE_CHECKING:  # a type checker shall find what is not here

        def __getattr__(self, name: str) -> object:
            unsupported("client.mgmt", name)


class DescopeClientAsync(Grants):
    """A Descope project, with the official SDK's parameters and results.

    Constructing it sends nothing. It need not be closed, but should be where it is not used for as
    long as the process runs.

    Args:
        project_id: The project; None for DESCOPE_PROJECT_ID.
        public_key: A JWK or a JWK set, as a dict or JSON text, to check tokens with instead of the
            keys that the service publishes; None for DESCOPE_PUBLIC_KEY, if set.
        skip_verify: Refused where there is a certificate, because certificates are always checked.
            True is taken for an ``http`` URL of this machine, which has none.
        management_key: The key for ``mgmt``; None for DESCOPE_MANAGEMENT_KEY, if set.
        timeout_seconds: How long a whole call may take.
        jwt_validation_leeway: Seconds by which the clocks of this machine and of the service may
            differ, at most 300.
        auth_management_key: A management key to send along with exchanges; None for
            DESCOPE_AUTH_MANAGEMENT_KEY, if set.
        fga_cache_url: Without effect: there is no ``mgmt.fga`` here.
        base_url: Where the service is; None for DESCOPE_BASE_URI or DESCOPE_BASE_URL, else the
            region in the project id.
        verbose: Without effect: there is no ``get_last_response`` here.
        issuers: Further ``iss`` values to accept, such as that of a custom domain.
        ssl: TLS settings, to trust a private authority; None for the system's.

    Raises:
        AuthException: A setting is missing or unusable.
    """

    mgmt: Mgmt

    def __init__(
        self,
        project_id: str | None = None,
        public_key: Mapping[str, Any] | str | None = None,
        skip_verify: bool = False,
        management_key: str | None = None,
        timeout_seconds: float = 60,
        jwt_validation_leeway: float = 5,
        auth_management_key: str | None = None,
        fga_cache_url: str | None = None,  # noqa: ARG002 - see the docstring
        *,
        base_url: str | None = None,
        verbose: bool = False,  # noqa: ARG002 - see the docstring
        issuers: Sequence[str] | None = None,
        ssl: SSLContext | None = None,
    ) -> None:
        texts = [
            Secret(each) for each in (project_id, management_key, auth_management_key, base_url)
        ]
        keys = Secret(public_key)
        # As in `DescopeClient`, no traceback shall show them.
        del project_id, management_key, auth_management_key, base_url, public_key
        with official_errors():
            self._client = _Client(
                texts[0].reveal(),
                texts[1].reveal(),
                auth_management_key=texts[2].reveal(),
                base_url=texts[3].reveal(),
                public_key=keys.reveal(),
                jwt_validation_leeway=jwt_validation_leeway,
                issuers=issuers,
                timeouts=_timeouts(timeout_seconds),
                ssl=ssl,
            )
            _ = self._client.project_id  # the official SDK refuses here to go without
            if skip_verify and self._client.base_url.startswith("https:"):
                raise ConfigurationError(
                    "skip_verify is refused: certificates are always checked. To trust your own "
                    "authority, pass ssl=ssl.create_default_context(cafile=…)"
                )
        self.mgmt = Mgmt(AccessKeyManagement(self._client.mgmt.access_key))

    async def exchange_access_key(
        self,
        access_key: str,
        audience: str | Collection[str] | None = None,
        login_options: AccessKeyLoginOptions | Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Exchange an access key for a session token.

        Args:
            access_key: The secret of an access key. Surrounding whitespace is dropped.
            audience: As for `validate_session`.
            login_options: Claims to put into the token, and the tenant to act in.

        Returns:
            ``sessionToken`` (the claims, and ``jwt``), ``permissions``, ``roles``, ``tenants``,
            ``projectId`` and ``keyId``.

        Raises:
            AuthException: The key is refused, with status 401; its token does not pass the checks
                or is encrypted, with 500; or no answer came.
        """
        given = Secret(access_key)
        del access_key
        with official_errors(refused_token=500):
            session = readable(
                await self._client.exchange_access_key(given.reveal(), audience, login_options)
            )
        return exchanged(session)

    async def validate_session(
        self, session_token: str, audience: str | Collection[str] | None = None
    ) -> dict[str, Any]:
        """Check a session token. The project's signing keys are fetched when needed, and kept.

        Args:
            session_token: The token, without the word Bearer.
            audience: One or more audiences of which the token must name one. With None, a token
                that names any must name the project id among them.

        Returns:
            The claims, ``jwt``, the same again as ``sessionToken``, ``permissions``, ``roles``,
            ``tenants``, ``projectId`` and ``userId``, which is the id of the access key.

        Raises:
            AuthException: The token is refused, with status 401; or the signing keys cannot be
                had, with 503, and the token may be fine.
        """
        given = Secret(session_token)
        del session_token
        with official_errors():
            session = await self._client.validate_session(given.reveal(), audience)
        return validated(session)

    def validate_session_nowait(
        self, session_token: str, audience: str | Collection[str] | None = None
    ) -> dict[str, Any] | None:
        """Check a session token without any I/O, on the calling thread.

        Args:
            session_token: The token, without the word Bearer.
            audience: As for `validate_session`.

        Returns:
            None when the project's signing keys must be fetched first: ask `validate_session`.

        Raises:
            AuthException: The token is refused, with status 401.
        """
        given = Secret(session_token)
        del session_token
        with official_errors():
            session = self._client.validate_session_nowait(given.reveal(), audience)
        return None if session is None else validated(session)

    async def aopen(self) -> Self:
        """Import what calls need. A client opens itself with its first call."""
        return await self.__aenter__()

    async def aclose(self) -> None:
        """Close the connections. May be repeated; a call that needs one then raises ClientClosed."""
        await self._client.aclose()

    async def __aenter__(self) -> Self:
        await self._client.__aenter__()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    if not TYPE_CHECKING:  # a type checker shall find what is not here

        def __getattr__(self, name: str) -> object:
            unsupported("client", name)


class _Client(DescopeClient):
    """One that nobody is told to close: the official SDK's blocking client cannot be."""

    def __del__(self) -> None:
        pass


def _timeouts(seconds: object) -> Timeouts:
    try:
        whole = Timeouts(read=cast("float", seconds))
    except ConfigurationError:
        raise ConfigurationError(
            "timeout_seconds must be a positive number of seconds, at most a day"
        ) from None
    return Timeouts(
        connect=min(whole.connect, whole.read),
        read=whole.read,
        deadline=whole.read,
        exchange=whole.read,
        keys=min(whole.keys, whole.read),
    )
