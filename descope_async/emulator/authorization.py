"""Who is asking: the Authorization header, and the Host that a browser was made to send."""

from __future__ import annotations

import ipaddress
from typing import Final

from attrs import field, frozen

from .answers import Problem, Refusal

_MOST_PARTS: Final = 3


@frozen
class Bearer:
    """What follows ``Bearer``: a project, mostly with a secret, rarely with one more.

    Attributes:
        first: The project id. Calls about no project send just a management key.
        secret: A management key or an access key; empty when there is none.
        management_key: The management key behind an access key; empty when there is none.
    """

    first: str
    secret: str = field(default="", repr=False)
    management_key: str = field(default="", repr=False)


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


def is_loopback(host: str) -> bool:
    """Whether a host name or address, as in a URL, can only mean this machine."""
    host = host.removeprefix("[").removesuffix("]")
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def host_name(host_header: str) -> str:
    """The name or address in a Host header, without its port."""
    if host_header.startswith("["):
        return host_header.partition("]")[0] + "]"
    return host_header.partition(":")[0]
