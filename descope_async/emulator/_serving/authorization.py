"""Who is asking: what the Authorization header says."""

from __future__ import annotations

from typing import Final

from attrs import field, frozen

from descope_async.emulator._error_answers import Problem, Refusal

_MOST_PARTS: Final = 3


@frozen
class Bearer:
    """What follows ``Bearer``: a project id, usually a secret, and sometimes a second secret.

    Attributes:
        first: The project id. Calls about no project send just a management key.
        secret: A management key or an access key; empty when there is none.
        management_key: The management key behind an access key; empty when there is none.
    """

    first: str
    secret: str = field(default="", repr=False)
    management_key: str = field(default="", repr=False)


def shown(headers: list[str]) -> Bearer | Refusal:
    """What the Authorization headers of a request say, or why they are refused."""
    try:
        return bearer(headers)
    except Refusal as refusal:
        return refusal


def bearer(headers: list[str]) -> Bearer:
    """Read the Authorization headers of a request, of which there must be one."""
    if not headers:
        raise Refusal(Problem.UNAUTHORIZED, "The Authorization header is missing")
    scheme, _, credentials = headers[0].strip().partition(" ")
    parts = credentials.strip().split(":")
    if len(headers) > 1 or scheme.lower() != "bearer" or not 1 <= len(parts) <= _MOST_PARTS:
        raise Refusal(Problem.UNAUTHORIZED, "The Authorization header is malformed")
    if not all(parts):
        raise Refusal(Problem.UNAUTHORIZED, "The Authorization header has an empty part")
    return Bearer(*parts)
