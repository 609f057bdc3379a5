"""What the token sources and verifiers of a client share."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable, Coroutine
from typing import Any, TypeAlias

from attrs import Factory, define, field

from descope_async._runtime.clock import Clock
from descope_async._values.secret import Secret
from descope_async.events._telemetry import UNHOOKED, Telemetry
from descope_async.models import AccessKeyLoginOptions

from .exchange import MintedToken
from .refused_keys import RefusedKeys

#: Makes a token from an access key and login options.
Mint: TypeAlias = Callable[[Secret[str], AccessKeyLoginOptions], Coroutine[Any, Any, MintedToken]]


def _salt() -> Secret[bytes]:
    return Secret(secrets.token_bytes(32))


@define(eq=False, repr=False)
class Shared:
    """What the token sources and verifiers of a client share.

    Attributes:
        clock: The time source, which also waits and draws random delays.
        mint: Makes a token from an access key and login options.
        deadline: Seconds that a caller without a token waits.
        telemetry: Receives the events.
        is_closed: Whether the client is closed.
        refused: The access keys that the service refused.
    """

    clock: Clock
    mint: Mint
    deadline: float
    telemetry: Telemetry = UNHOOKED
    is_closed: bool = field(default=False, init=False)
    refused: RefusedKeys = field(
        default=Factory(lambda shared: RefusedKeys(shared.clock), takes_self=True), init=False
    )
    _salt: Secret[bytes] = field(factory=_salt, init=False)

    def fingerprint(self, access_key: Secret[str]) -> bytes:
        """A name for an access key that does not show it, and that no other process has for it."""
        return hmac.digest(self._salt.reveal(), access_key.reveal().encode(), "sha256")
