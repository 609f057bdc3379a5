"""From an access key to a session token."""

from __future__ import annotations

import math
from typing import Final

from attrs import frozen

from descope_async._calls import wire
from descope_async._calls.answer_headers import http_date
from descope_async._calls.messages import Answer, Request
from descope_async._calls.retry_rules import EXCHANGE_RATE_LIMIT_PAUSE
from descope_async._calls.transport import Transport
from descope_async._config.config import Config
from descope_async._runtime.clock import SYSTEM_CLOCK, Clock
from descope_async._tokens.compact import is_encrypted, parse
from descope_async._tokens.project_validation import ProjectValidation
from descope_async._values.numbers import LATEST, is_within
from descope_async._values.secret import Secret
from descope_async._values.strict_json import read_object
from descope_async.errors import TokenError, TokenMalformed, UnexpectedResponse
from descope_async.models import AccessKeyLoginOptions
from descope_async.session_token import SessionToken

_OPERATION: Final = "exchange_access_key"


@frozen
class MintedToken:
    """A session token as the service made it, not validated.

    Attributes:
        jwt: The token.
        issued_at: Its ``iat``, epoch seconds.
        lifetime: Seconds from then to its ``exp``.
    """

    jwt: Secret[str]
    issued_at: float
    lifetime: float


@frozen
class _Exchanged:
    """What the service answers to an access key.

    Attributes:
        token: The session token.
        is_encrypted: Whether only the service can read the token.
        key_id: The access key's id; empty when the answer does not have it.
        expiration: When the token ends, epoch seconds; 0 when the answer does not say it.
        answered_at: When that was answered, epoch seconds, by the service's clock if it says so.
    """

    token: Secret[str]
    is_encrypted: bool
    key_id: str
    expiration: int
    answered_at: float

    def lifetime(self) -> float:
        """For how many seconds the token lives from the answer on.

        Raises:
            UnexpectedResponse: The answer does not say it.
        """
        lifetime = self.expiration - self.answered_at
        if not 0 < lifetime <= LATEST:
            raise UnexpectedResponse(
                f"{_OPERATION}: the token is encrypted, and the answer does not say when it ends",
                path="$.expiration",
                operation=_OPERATION,
            )
        return lifetime


class Exchange:
    """Exchanges access keys and validates what comes back.

    An encrypted token is not validated: it came over TLS, and only the service can read it.
    """

    def __init__(
        self,
        config: Config,
        transport: Transport,
        validation: ProjectValidation,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._config = config
        self._transport = transport
        self._validation = validation
        self._clock = clock

    async def exchange(
        self,
        access_key: Secret[str],
        audience: frozenset[str] | None,
        options: AccessKeyLoginOptions,
        patience: float = math.inf,
    ) -> SessionToken:
        """The session token that the service makes for the access key, validated.

        Args:
            access_key: The access key.
            audience: As for `SessionValidator.validate`.
            options: What to ask for.
            patience: Seconds to wait at most if the service asks to wait; a rate limit that lasts
                longer is raised at once.
        """
        answer = await self._ask(access_key, options, patience)
        if answer.is_encrypted:
            return SessionToken(
                jwt=answer.token.reveal(),
                key_id=answer.key_id,
                project_id=self._config.project.id,
                expire_time=self._clock.now() + answer.lifetime(),
            )
        validator = await self._validation.validator()
        return await validator.validate(answer.token, audience, _OPERATION)

    async def mint(self, access_key: Secret[str], options: AccessKeyLoginOptions) -> MintedToken:
        """The session token that the service makes for the access key, to be handed on.

        Its receiver validates it. It came over TLS, so its holder needs no signing keys.

        Raises:
            UnexpectedResponse: The token does not say when it ends.
        """
        answer = await self._ask(access_key, options)
        if answer.is_encrypted:
            return MintedToken(answer.token, answer.answered_at, answer.lifetime())
        # The frames below hold the token, so an error leaves without them.
        try:
            return _minted(answer.token)
        except TokenError as error:
            problem = str(error)
        raise UnexpectedResponse(
            f"{_OPERATION}: {problem}", path="$.sessionJwt", operation=_OPERATION
        )

    async def _ask(
        self, access_key: Secret[str], options: AccessKeyLoginOptions, patience: float = math.inf
    ) -> _Exchanged:
        request = Request(
            operation=_OPERATION,
            method="POST",
            path="/v1/auth/accesskey/exchange",
            deadline=self._config.timeouts.exchange,
            bearer=self._config.deployment.exchange_bearer(access_key),
            body=wire.exchange_body(options),
            rate_limit_pause=EXCHANGE_RATE_LIMIT_PAUSE,
            patience=patience,
        )
        return await self._transport.send(request, self._read)

    async def _read(self, answer: Answer) -> _Exchanged:
        said = await wire.read(wire.ExchangeAnswer, answer.body)
        answered_at = http_date(answer.headers.get("Date")) or self._clock.now()
        return _Exchanged(
            token=Secret(said.session_jwt),
            is_encrypted=is_encrypted(said.session_jwt),
            key_id=said.key_id,
            expiration=said.expiration,
            answered_at=answered_at,
        )


def _minted(token: Secret[str]) -> MintedToken:
    claims = read_object(parse(token.reveal()).payload)
    if claims is None:
        raise TokenMalformed("the token's claims are not a JSON object of distinct names")
    issued, expires = claims.get("iat"), claims.get("exp")
    # The bounds also refuse Infinity, NaN and integers beyond every float.
    if not (is_within(issued, 0, LATEST) and is_within(expires, 0, LATEST) and issued < expires):
        raise TokenMalformed("the token does not say from when to when it lives (iat, exp)")
    return MintedToken(token, issued, expires - issued)
