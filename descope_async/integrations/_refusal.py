"""The answer to a request that is not let in."""

from __future__ import annotations

import math
from typing import Final

from attrs import frozen

from descope_async._values.value import Value

__all__ = ["Refusal"]

#: The code in the body where RFC 6750 has none for the header.
_CODES: Final = {401: "unauthorized", 429: "rate_limited", 503: "temporarily_unavailable"}
#: Seconds to wait after an outage for which the client names no time, and at most.
_PAUSE, _LONGEST_PAUSE = 5, 3600


@frozen(eq=False, repr=False)
class Refusal(Value):
    """The answer to a request that is not let in. It holds no credential.

    Attributes:
        status: The HTTP status: 400, 401, 403, 429 or 503.
        error: The code of RFC 6750 or RFC 9449; None for a request without a credential, and for
            429 and 503.
        description: A sentence for the caller.
        challenge: The value of ``WWW-Authenticate``; None for 429 and 503.
        retry_after: Whole seconds after which to come again; None where that would be in vain.
        nonce: The nonce for the next proof (RFC 9449, 9); None for none.
    """

    status: int
    error: str | None
    description: str
    challenge: str | None = None
    retry_after: int | None = None
    nonce: str | None = None

    @classmethod
    def to_wait(cls, status: int, description: str, seconds: float | None) -> Refusal:
        """A refusal that ends by itself.

        Args:
            status: 429 or 503.
            description: A sentence for the caller.
            seconds: How long it lasts; None where that is not known.
        """
        wait = _PAUSE if seconds is None else max(1, math.ceil(min(seconds, _LONGEST_PAUSE)))
        return cls(status, None, description, retry_after=wait)

    @property
    def headers(self) -> dict[str, str]:
        """The headers of the answer, as a new dict."""
        found = {"Cache-Control": "no-store"}
        if self.challenge is not None:
            found["WWW-Authenticate"] = self.challenge
        if self.retry_after is not None:
            found["Retry-After"] = str(self.retry_after)
        if self.nonce is not None:
            found["DPoP-Nonce"] = self.nonce
        return found

    @property
    def body(self) -> dict[str, str]:
        """A JSON body with the names of RFC 6749, as a new dict."""
        code = self.error or _CODES[self.status]
        return {"error": code, "error_description": self.description}
