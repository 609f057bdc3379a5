"""What an application is told to expect of its callers: an audience, and an origin in their proofs."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final

from descope_async import ConfigurationError, InvalidArgument
from descope_async import _arguments as arguments
from descope_async.dpop_request import normal_url

__all__ = ["audience_of", "origin_of"]

_ORIGIN: Final = re.compile(r"[a-z]+://[^/?#]+", re.IGNORECASE)


def audience_of(value: str | Collection[str] | None) -> frozenset[str] | None:
    """The audiences of which a token must name one; None to demand none.

    A client takes a frozenset as it is. Anything else it would check with each request.

    Raises:
        ConfigurationError: It is no audience.
    """
    try:
        return arguments.audience("audience", value)
    except InvalidArgument as error:
        raise ConfigurationError(str(error)) from None


def origin_of(value: str | None) -> str | None:
    """An origin without a slash at its end; None for none.

    Raises:
        ConfigurationError: It is no origin.
    """
    if value is None:
        return None
    given: object = value  # callers without a type checker pass anything
    origin = given.removesuffix("/") if isinstance(given, str) else ""
    if not _ORIGIN.fullmatch(origin) or normal_url(origin) is None:
        raise ConfigurationError("origin must be like https://api.example.com, without a path")
    return origin
