"""IP addresses and ranges from which a key may be used."""

from __future__ import annotations

import ipaddress

from ._error_answers import Problem, Refusal
from ._fields import Fields


def network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    """An address, or a range in CIDR notation whose host bits do not matter.

    Raises:
        ValueError: It is neither.
    """
    if "%" in text:
        raise ValueError("a zone is no part of an address that can be permitted")
    return ipaddress.ip_network(text, strict=False)


def read_networks(fields: Fields) -> list[str]:
    """The addresses and ranges in ``permittedIps``, as they were written."""
    networks = fields.names("permittedIps")
    for text in networks:
        try:
            network(text)
        except ValueError as error:
            raise Refusal(
                Problem.INVALID, "The permittedIps field must hold IP addresses or CIDR ranges"
            ) from error
    return networks


def is_permitted(peer: str, networks: list[str]) -> bool:
    """Whether an address is in one of these ranges; without any range, every address is."""
    if not networks:
        return True
    address = ipaddress.ip_address(peer.partition("%")[0])
    # A socket for both families shows an IPv4 peer as ::ffff:a.b.c.d.
    mapped = getattr(address, "ipv4_mapped", None)
    return any((mapped or address) in network(text) for text in networks)
