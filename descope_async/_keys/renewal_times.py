"""A session token that is kept, and when to renew it."""

from __future__ import annotations

from typing import Self

from attrs import evolve, frozen

from descope_async._runtime.backoff import Draw

from .exchange import MintedToken


@frozen(eq=False, repr=False)
class HeldToken:
    """A session token, and the times at which it is renewed, in seconds of the running clock.

    The times are computed from the token's lifetime, and not from its dates, so a wrong wall clock
    does no harm.

    Attributes:
        token: The JWT.
        header: The value of an ``Authorization`` header.
        asked_at: When it was asked for.
        lead: How long before its end it should be renewed.
        refresh_at: From then on it is renewed in the background; later than ``lead`` says by a
            random delay, so that processes that started together do not renew together.
        mandatory_at: From then on callers wait a little for its successor.
        last_call_at: From then on it may expire on its way to the receiver.
        expires_at: When it ends.
    """

    token: str
    header: str
    asked_at: float
    lead: float
    refresh_at: float
    mandatory_at: float
    last_call_at: float
    expires_at: float

    @classmethod
    def of(cls, minted: MintedToken, asked_at: float, draw: Draw) -> Self:
        """A new token with its times."""
        life = minted.lifetime
        lead, mandatory = min(max(life / 4, 20.0), 3600.0), min(max(life / 20, 10.0), 60.0)
        if life < 2 * lead:
            lead, mandatory = life / 2, life / 4
        expires_at = asked_at + life
        refresh_at = _delayed(expires_at, lead, draw)
        return cls(
            token=minted.jwt.reveal(),
            header=f"Bearer {minted.jwt.reveal()}",
            asked_at=asked_at,
            lead=lead,
            refresh_at=refresh_at,
            mandatory_at=expires_at - mandatory,
            last_call_at=expires_at - min(5.0, mandatory / 2),
            expires_at=expires_at,
        )

    def with_another_delay(self, draw: Draw) -> Self:
        """The same token with a new random delay.

        A forked child has its parent's tokens, and shall not renew them at the same moment.
        """
        return evolve(self, refresh_at=_delayed(self.expires_at, self.lead, draw))


def _delayed(expires_at: float, lead: float, draw: Draw) -> float:
    # The random delay is up to a fifth of the lead.
    return expires_at - lead * draw(0.8, 1.0)
