"""The sockets of connections: which addresses they may lead to, and who closes them in the end."""

from __future__ import annotations

import ipaddress
import socket
from typing import Any
from weakref import WeakSet


class NotThisMachine(OSError):
    """An address that is not this machine's, where no other may be connected to."""


class Sockets:
    """Makes the sockets for the connections of one event loop.

    Args:
        only_this_machine: Whether to refuse every address that is not a loopback address.
    """

    def __init__(self, *, only_this_machine: bool) -> None:
        self._only_this_machine = only_this_machine
        self._made = WeakSet[socket.socket]()

    def make(self, address: Any) -> socket.socket:
        """A socket for an address, as `socket.getaddrinfo` describes addresses.

        Raises:
            NotThisMachine: The address is another machine's.
        """
        family, kind, protocol, _, where = address
        if self._only_this_machine and not _is_loopback(where[0]):
            raise NotThisMachine(f"{where[0]} is not an address of this machine")
        made = socket.socket(family, kind, protocol)
        self._made.add(made)
        return made

    def close(self) -> None:
        """Close those that are in use: for a loop that is closed, and closes none itself."""
        for each in list(self._made):
            each.close()


def _is_loopback(host: str) -> bool:
    address = ipaddress.ip_address(host.partition("%")[0])
    mapped = getattr(address, "ipv4_mapped", None)  # of IPv6 addresses only
    return (mapped or address).is_loopback
