"""A caller who was let in."""

from __future__ import annotations

from attrs import define

from descope_async import SessionToken

from ._credential import Accepted, Scheme

__all__ = ["Admitted"]


@define  # frozen, it would take twice as long to make, and each request makes one
class Admitted:
    """A caller who was let in.

    Attributes:
        session: What the caller may do.
        scheme: The scheme of the credential.
        kind: The kind of the credential.
    """

    session: SessionToken
    scheme: Scheme = "Bearer"
    kind: Accepted = "session_token"
