"""From an access key to a session token."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from attrs import frozen

from descope_async._calls import wire
from descope_async._calls.answer_headers import sent_at
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

T = TypeVar("T")

_OPERATION: Final = "exchange_access_key"


@frozen(eq=False, repr=False)
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


@frozen(eq=False, repr=False)
class _Exchanged:
    """What the service answers to an access key.

    Attributes:
        token: The session token.
        key_id: The access key's id; empty when the answer does not have it.
        lifetime: For how many seconds an encrypted token lives, from the answer on; None for a token
            that says so itself.
    """

    token: Secret[str]
    key_id: str
    lifetime: float | None


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
        exchanged = await self._ask(access_key, options, self._exchanged, patience)
        if exchanged.lifetime is not None:
            return SessionToken(
                jwt=exchanged.token.reveal(),
                key_id=exchanged.key_id,
                project_id=self._config.project.id,
                expire_time=self._clock.now() + exchanged.lifetime,
            )
        validator = await self._validation.validator()
        return await validator.validate(exchanged.token, audience, _OPERATION, is_own=True)

    async def mint(self, access_key: Secret[str], options: AccessKeyLoginOptions) -> MintedToken:
        """The session token that the service makes for the access key, to be handed on.

        Its receiver validates it. It came over TLS, so its holder needs no signing keys.

        Raises:
            UnexpectedResponse: The token does not say when it ends.
        """
        return await self._ask(access_key, options, self._minted)

    async def _ask(
        self,
        access_key: Secret[str],
        options: AccessKeyLoginOptions,
        read: Callable[[Answer], Awaitable[T]],
        patience: float = math.inf,
    ) -> T:
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
        return await self._transport.send(request, read)

    async def _exchanged(self, answer: Answer) -> _Exchanged:
        said = await wire.read(wire.ExchangeAnswer, answer.body)
        lifetime = None
        if is_encrypted(said.session_jwt):
            lifetime = _lifetime(said, self._answered_at(answer))
        return _Exchanged(Secret(said.session_jwt), said.key_id, lifetime)

    async def _minted(self, answer: Answer) -> MintedToken:
        said = await wire.read(wire.ExchangeAnswer, answer.body)
        if is_encrypted(said.session_jwt):
            answered_at = self._answered_at(answer)
            lifetime = _lifetime(said, answered_at)
            return MintedToken(Secret(said.session_jwt), answered_at, lifetime)
        # The frames below hold the token, so an error leaves without them.
        try:
            issued, expires = _dates(said.session_jwt)
        except TokenError as error:
            problem = str(error)
        else:
            return MintedToken(Secret(said.session_jwt), issued, expires - issued)
        raise UnexpectedResponse(f"{_OPERATION}: {problem}", path="$.sessionJwt")

    def _answered_at(self, answer: Answer) -> float:
        """When that was answered, epoch seconds, by the service's clock if it says so."""
        return sent_at(answer.headers) or self._clock.now()


def _lifetime(said: wire.ExchangeAnswer, answered_at: float) -> float:
    """For how many seconds an encrypted token lives, from the answer on.

    Raises:
        UnexpectedResponse: The answer does not say it.
    """
    lifetime = said.expiration - answered_at
    if not 0 < lifetime <= LATEST:
        raise UnexpectedResponse(
            f"{_OPERATION}: the token is encrypted, and the answer does not say when it ends",
            path="$.expiration",
        )
    return lifetime


def _dates(token: str) -> tuple[float, float]:
    """When a token was issued and when it ends, epoch seconds.

    Raises:
        TokenMalformed: It does not say so.
    """
    claims = read_object(parse(token).payload)
    if claims is None:
        raise TokenMalformed("the token's claims are not a JSON object of distinct names")
    issued, expires = claims.get("iat"), claims.get("exp")
    # The bounds also refuse Infinity, NaN and integers beyond every float.
    if not (is_within(issued, 0, LATEST) and is_within(expires, 0, LATEST) and issued < expires):
        raise TokenMalformed("the token does not say from when to when it lives (iat, exp)")
    return issued, expires
