"""Calls about session tokens: access keys are exchanged for them, and they are validated."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import partial
from typing import Any

from descope_async import _arguments as arguments
from descope_async._config.config import Config
from descope_async._keys.presented_keys import Lifetimes
from descope_async._values.secret import Secret
from descope_async.dpop_request import DPoPRequest
from descope_async.errors import ClientClosed
from descope_async.models import AccessKeyLoginOptions
from descope_async.secret_stores._stored_text import credential
from descope_async.session_token import SessionToken
from descope_async.settings import AccessKeySource
from descope_async.token_source import TokenSource
from descope_async.verifier import AccessKeyVerifier

from ._parts import Parts

__all__ = ["Authentication"]


class Authentication:
    """What a client does with access keys and session tokens. None of it needs a management key."""

    def __init__(self, config: Config, parts: Parts) -> None:
        self._config = config
        self._parts = parts

    async def exchange_access_key(
        self,
        access_key: str,
        audience: str | Collection[str] | None = None,
        login_options: AccessKeyLoginOptions | Mapping[str, Any] | None = None,
    ) -> SessionToken:
        """Exchange an access key for a session token.

        A token that is bound to a key needs no proof here, but wherever it is sent (RFC 9449).

        Args:
            access_key: The secret of an access key. Surrounding whitespace is dropped.
            audience: As for `validate_session`.
            login_options: Claims to put into the token, and the tenant to act in.

        Raises:
            InvalidArgument: An argument cannot be right.
            ConfigurationError: The client has no project, or a setting cannot be used.
            ApiError: The service refuses the key: Unauthorized where it is wrong, deleted,
                deactivated or expired.
            RequestFailed: No answer came, or the keys to check the token cannot be had.
            UnexpectedResponse: The answer makes no sense.
            TokenError: The service's token does not pass the checks. An encrypted token cannot be
                checked: see `SessionToken.is_encrypted`.
        """
        given: Secret[object] = Secret(access_key)
        del access_key
        exchange = await self._parts.find_exchange()
        return await exchange.exchange(
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
            ConfigurationError: A path begins with ``~``, and there is no such home folder.
            ClientClosed: The client is closed.
        """
        given: Secret[object] = Secret(access_key)
        del access_key
        options = arguments.login_options("login_options", login_options)
        renewals = self._parts.exchanging.renewals
        return TokenSource(renewals.join(given, options), renewals, self)

    def access_key_verifier(
        self,
        *,
        audience: str | Collection[str] | None = None,
        login_options: AccessKeyLoginOptions | Mapping[str, Any] | None = None,
        fresh_for: float = 10,
        usable_for: float = 60,
        refused_for: float = 5,
    ) -> AccessKeyVerifier:
        """A verifier of the access keys that callers present. Sends nothing yet.

        Make one for the whole process: each has its own answers and its own limit on guesses.

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
            self._parts.exchanging.exchange.exchange,
            audience=arguments.audience("audience", audience),
            options=arguments.login_options("login_options", login_options),
            patience=0,  # a caller who waits should rather be told when to come again
        )
        if self._parts.exchanging.shared.is_closed:
            raise ClientClosed("the client is closed")
        return AccessKeyVerifier(exchange, self._parts.exchanging.shared, lifetimes, self)

    async def validate_session(
        self,
        session_token: str | bytes,
        audience: str | Collection[str] | None = None,
        *,
        dpop: DPoPRequest | None = None,
    ) -> SessionToken:
        """Check a session token. The project's signing keys are fetched when needed, and kept.

        Args:
            session_token: The token, without the word Bearer; as bytes, it is ASCII.
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
            ConfigurationError: The client has no project, or a setting cannot be used.
        """
        made = self._parts.validator
        if dpop is None and made and (seen := made.seen_before(session_token, audience)):
            return seen
        given: Secret[object] = Secret(session_token)
        proven: Secret[object] | None = None if dpop is None else Secret(dpop)
        del session_token, dpop
        demanded = arguments.audience("audience", audience)
        request = None if proven is None else arguments.dpop_request("dpop", proven)
        validator = await self._parts.find_validator()
        return await validator.validate(given, demanded, "validate_session", request)

    def validate_session_nowait(
        self,
        session_token: str | bytes,
        audience: str | Collection[str] | None = None,
        *,
        dpop: DPoPRequest | None = None,
    ) -> SessionToken | None:
        """Check a session token without any I/O, on the calling thread.

        Args:
            session_token: The token, without the word Bearer; as bytes, it is ASCII.
            audience: As for `validate_session`.
            dpop: As for `validate_session`.

        Returns:
            None when the project's signing keys must be fetched first, or the client's
            ``replay_store`` be asked: ask `validate_session`.

        Raises:
            TokenError: The token is refused; the subclass says why.
            ReplayStoreFull: No more proofs can be remembered; the token may be fine.
            InvalidArgument: The audience cannot be right, or ``dpop`` is no request.
            ConfigurationError: The client has no project, or a setting cannot be used.
        """
        made = self._parts.validator
        if dpop is None and made and (seen := made.seen_before(session_token, audience)):
            return seen
        given: Secret[object] = Secret(session_token)
        proven: Secret[object] | None = None if dpop is None else Secret(dpop)
        del session_token, dpop
        demanded = arguments.audience("audience", audience)
        request = None if proven is None else arguments.dpop_request("dpop", proven)
        validator = self._parts.find_validator_nowait()
        return validator.validate_nowait(given, demanded, "validate_session", request)

    def export_key_set(self) -> str | None:
        """The project's signing keys as they are known now, for the ``key_set`` of another client.

        They are public. None before the first fetch, and for a client with a ``public_key``.
        """
        return self._parts.validating.signing_keys.export()

    async def refresh_key_set(self) -> None:
        """Fetch the project's signing keys now, to refuse at once what a revoked one has signed.

        Does nothing for a client with a ``public_key``.

        Raises:
            KeySetUnavailable: They cannot be fetched; the old ones stay.
            ConfigurationError: The client has no project, or a setting cannot be used.
        """
        if self._config.project.public_key is None:
            await self._parts.validating.signing_keys.refresh()
