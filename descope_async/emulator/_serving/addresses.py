"""Addresses: the socket to listen on, and which host names mean this machine."""

from __future__ import annotations

import errno
import ipaddress
import socket
from typing import Final

from descope_async.emulator.errors import EmulatorError

_BACKLOG: Final = 128


def listen(host: str, port: int) -> socket.socket:
    """A socket bound to a host and port; the first address counts if the host has several.

    Raises:
        EmulatorError: It cannot be bound.
    """
    try:
        # With port 0, several addresses would each get another port.
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise EmulatorError(f"cannot listen on {host}: {reason}") from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        # Two sockets can be bound to one port, but not listen on it.
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        advice = (
            "pass another port, or 0 for a free one"
            if error.errno in {errno.EADDRINUSE, errno.EACCES}
            else f"{address[0]} must be an address of this machine"
        )
        raise EmulatorError(
            f"cannot listen on {host}, port {port}: {error.strerror}; {advice}"
        ) from error
    listener.setblocking(False)
    return listener


def url_of(listener: socket.socket, *, tls: bool) -> str:
    """The URL at which a socket can be reached from this machine."""
    host: str = listener.getsockname()[0]
    port: int = listener.getsockname()[1]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared, not bound
    scheme, shown = "https" if tls else "http", f"[{host}]" if ":" in host else host
    return f"{scheme}://{shown}:{port}"


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
