"""Hosts and ports in URLs, read so that they mean one thing to every library."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Final

from descope_async._runtime.late_imports import late_import

if TYPE_CHECKING:
    from yarl import URL

_NETLOC: Final = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([^\[\]:@%]+))(?::([0-9]{0,5}))?")
#: Names that DNS can know, and underscores, which containers' names may have.
_LABEL: Final = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
#: What every library takes as it stands.
_PLAIN: Final = re.compile(r"[a-z0-9_.-]+")
_NUMBER: Final = re.compile(r"[0-9]+|0x[0-9a-f]*")
_MAX_NAME: Final = 253
_MAX_PORT: Final = 65_535
DEFAULT_PORTS: Final[Mapping[str, int]] = {"http": 80, "https": 443}


def place(scheme: str, given: str) -> tuple[str, int] | None:
    """The host and the port of a URL without credentials; None where it has no usable ones."""
    parts = _NETLOC.fullmatch(given)
    if parts is None:
        return None
    host = _ipv6(parts[1]) if parts[1] else _name(parts[2])
    port = int(parts[3]) if parts[3] else DEFAULT_PORTS[scheme]
    return (host, port) if host and 0 < port <= _MAX_PORT else None


def _ipv6(literal: str) -> str | None:
    try:
        return str(ipaddress.IPv6Address(literal))
    except ValueError:
        return None


def _name(given: str) -> str | None:
    """A host's name in ASCII and lower case; None where libraries disagree about it."""
    name = given.removesuffix(".")
    if not _PLAIN.fullmatch(name):
        try:
            name = name.encode("idna").decode().lower()
            others = url_of_yarl().build(scheme="https", host=given.removesuffix(".")).raw_host
        except ValueError:  # among them a UnicodeError: no name that DNS could know
            return None
        if name != others:
            return None
    labels = name.split(".")
    if len(name) > _MAX_NAME or not all(_LABEL.fullmatch(label) for label in labels):
        return None
    # Some libraries take the like of 127.1 and 0x7f000001 for addresses, and some for names.
    if _NUMBER.fullmatch(labels[-1]) and ip_address(name) is None:
        return None
    return name


@late_import
def url_of_yarl() -> type[URL]:
    """The class of URLs that aiohttp uses, and the codec for names outside ASCII."""
    import_module("encodings.idna")
    from yarl import URL

    return URL


def netloc(scheme: str, host: str, port: int) -> str:
    """Host and port as they stand in a URL."""
    shown = f"[{host}]" if ":" in host else host
    return shown if port == DEFAULT_PORTS[scheme] else f"{shown}:{port}"


def ip_address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address that a host is written as; None for a name."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
