"""Addresses: the URL of a socket, and which host names mean this machine."""

from __future__ import annotations

import ipaddress
import socket


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
