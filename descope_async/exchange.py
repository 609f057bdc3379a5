"""From an access key to a session token."""

from __future__ import annotations

from typing import Final

from . import wire
from .config import Config
from .messages import Request
from .models import AccessKeyLoginOptions, SessionToken
from .secret import Secret
from .sessions import SessionValidator
from .transport import Transport

_OPERATION: Final = "exchange_access_key"


class Exchange:
    """Exchanges access keys and checks what comes back."""

    def __init__(self, config: Config, transport: Transport, validator: SessionValidator) -> None:
        self._config = config
        self._transport = transport
        self._validator = validator

    async def exchange(
        self,
        access_key: Secret[str],
        audience: frozenset[str] | None,
        options: AccessKeyLoginOptions,
    ) -> SessionToken:
        """The session token that the service makes for the access key, checked."""
        answer = await self._transport.send(
            Request(
                operation=_OPERATION,
                method="POST",
                path="/v1/auth/accesskey/exchange",
                deadline=self._config.timeouts.exchange,
                bearer=self._config.exchange_bearer(access_key),
                body=wire.exchange_body(options),
            )
        )
        exchanged = answer.read(wire.ExchangeAnswer)
        token = Secret[object](exchanged.session_jwt)
        return await self._validator.validate(token, audience, _OPERATION)
