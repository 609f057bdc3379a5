"""Where requests go: the base URL and the proxy, read so that they mean one thing to every library."""

from __future__ import annotations

import ipaddress
import re
from base64 import b64encode
from collections.abc import Mapping
from typing import Final
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, getproxies_environment, proxy_bypass

from attrs import field, frozen
from yarl import URL

from descope_async._values.secret import Secret
from descope_async.errors import ConfigurationError

_URL: Final = re.compile(r"(https?)://([^/?#\\]*+)(/[^?#\\]*+)?", re.IGNORECASE)
_NETLOC: Final = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([^\[\]:@%]+))(?::([0-9]{0,5}))?")
#: Names that DNS can know, and underscores, which containers' names may have.
_LABEL: Final = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER: Final = re.compile(r"[0-9]+|0x[0-9a-f]*")
_PRINTABLE: Final = re.compile(r"[\x21-\x7e]*")
_MAX_NAME: Final = 253
_MAX_PORT: Final = 65_535
_DEFAULT_PORTS: Final[Mapping[str, int]] = {"http": 80, "https": 443}
#: What some libraries resolve or decode in a path, and others do not.
_UNCLEAR: Final = re.compile(r"(?:^|/)\.{1,2}(?:/|$)|%")
_BETWEEN: Final = re.compile(r"[\s,]+")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")


@frozen
class BaseURL:
    """Where the service is.

    Attributes:
        scheme: ``"http"`` or ``"https"``.
        host: The host's name in lower case, or its address, which may be one of IPv6.
        port: The port.
        path: What comes before the paths of the service; empty, or with a slash in front.
    """

    scheme: str
    host: str
    port: int
    path: str = ""

    def __str__(self) -> str:
        return f"{self.scheme}://{_netloc(self.scheme, self.host, self.port)}{self.path}"

    @property
    def is_loopback(self) -> bool:
        """Whether the host stands for this machine. What it leads to is seen when connecting."""
        if self.host == "localhost" or self.host.endswith(".localhost"):
            return True
        address = _address(self.host)
        return address is not None and address.is_loopback


@frozen
class Proxy:
    """Through which proxy requests go.

    Attributes:
        url: Where it is, without credentials.
        authorization: What ``Proxy-Authorization`` is to say; None for nothing.
    """

    url: str
    authorization: Secret[str] | None = field(default=None)

    def headers(self) -> dict[str, str]:
        """The headers to send to the proxy."""
        if self.authorization is None:
            return {}
        return {"Proxy-Authorization": self.authorization.reveal()}


def base_url(given: str) -> BaseURL:
    """The address in a base URL, however that is spelt.

    Raises:
        ConfigurationError: It is no such URL, or one that some library reads in another way.
    """
    url = str.strip(given)
    if "?" in url or "#" in url or "@" in url:
        raise ConfigurationError("base_url must not hold credentials, a query or a fragment")
    parts = _URL.fullmatch(url) if url.isprintable() and " " not in url else None
    place = None if parts is None else _place(parts[1].lower(), parts[2])
    if parts is None or place is None:
        raise ConfigurationError(
            "base_url must be a URL with a host, such as https://auth.company.com"
        )
    found = BaseURL(parts[1].lower(), *place, (parts[3] or "").rstrip("/"))
    if not _PRINTABLE.fullmatch(found.path) or not _is_read_alike(found):
        raise ConfigurationError(
            "base_url has a path that not every library reads in the same way; write it without "
            "dots, percent signs and characters outside ASCII"
        )
    return found


def proxy_for(url: BaseURL) -> Proxy | None:
    """The proxy that the environment, or the system, names for a URL; None for none.

    Raises:
        ConfigurationError: It cannot be used.
    """
    # Another machine cannot reach this one by a loopback address. And without TLS, which only goes
    # to this machine, a proxy would see the keys.
    if url.scheme != "https" or url.is_loopback:
        return None
    found = Secret(getproxies())
    variable = next((name for name in ("https", "all") if found.reveal().get(name)), None)
    if variable is None or is_excluded(url, found.reveal().get("no", "")):
        return None
    # Without variables, the system says what goes past its proxy.
    if not Secret(getproxies_environment()).reveal() and proxy_bypass(url.host):
        return None
    return read_proxy(f"{variable.upper()}_PROXY", Secret(found.reveal()[variable]))


def read_proxy(variable: str, given: Secret[str]) -> Proxy:
    """The proxy of an environment variable.

    Args:
        variable: The variable's name, for the error.
        given: Its value, which may hold a password.

    Raises:
        ConfigurationError: It cannot be used. The message does not quote it.
    """
    # The error is raised here, and not in a frame whose local variables hold the password.
    try:
        found = _read_proxy(given)
    except ValueError:  # of urlsplit, whose message may quote the password
        found = "has a host that no URL can have"
    if isinstance(found, str):
        raise ConfigurationError(f"the proxy in {variable} {found}")
    return found


def is_excluded(url: BaseURL, no_proxy: str) -> bool:
    """Whether ``NO_PROXY`` names a host, in any of the forms that curl and requests take.

    Those are ``*``, a name with or without ``.`` or ``*.`` in front, which also stands for all names
    below it, an address, a network such as ``10.0.0.0/8``, and each of them with a port.
    """
    address = _address(url.host)
    for entry in _BETWEEN.split(no_proxy.lower()):
        host, port = _without_port(entry)
        if port is not None and port != str(url.port):
            continue
        if host == "*":
            return True
        if address is not None:
            if _is_in(address, host):
                return True
            continue
        name = host.removeprefix("*").removeprefix(".").rstrip(".")
        if name and (url.host == name or url.host.endswith(f".{name}")):
            return True
    return False


def _read_proxy(given: Secret[str]) -> Proxy | str:
    parts = Secret(urlsplit(_with_scheme(given.reveal().strip())))
    scheme = parts.reveal().scheme
    if scheme.startswith("socks"):
        return "is a SOCKS proxy, which is not supported: name an http or https one"
    if scheme not in _DEFAULT_PORTS:
        return "must be an http or https URL"
    if parts.reveal().query or parts.reveal().fragment or parts.reveal().path not in {"", "/"}:
        return "must end after the port; write # ? and / in a password as %23 %3F and %2F"
    place = _place(scheme, parts.reveal().netloc.rpartition("@")[2])
    if place is None:
        return "must have a host, and a port from 1 to 65535 if any"
    url = f"{scheme}://{_netloc(scheme, *place)}"
    if "@" not in parts.reveal().netloc:
        return Proxy(url)
    return _with_credentials(url, Secret(parts.reveal().netloc.rpartition("@")[0]))


def _with_credentials(url: str, given: Secret[str]) -> Proxy | str:
    user, _, password = (Secret(part) for part in given.reveal().partition(":"))
    said = Secret(f"{unquote(user.reveal())}:{unquote(password.reveal())}")
    if ":" in unquote(user.reveal()):
        return "has a user name with a colon, which no proxy can be told"
    if _CONTROL.search(said.reveal()):
        return "has a control character in its user name or password"
    try:
        return Proxy(url, Secret(f"Basic {b64encode(said.reveal().encode()).decode()}"))
    except UnicodeEncodeError:
        return "has half of a surrogate pair in its user name or password"


def _with_scheme(given: str) -> str:
    return given if "://" in given else f"http://{given}"


def _place(scheme: str, netloc: str) -> tuple[str, int] | None:
    """The host and the port of a URL without credentials; None where it has no usable ones."""
    parts = _NETLOC.fullmatch(netloc)
    if parts is None:
        return None
    host = _ipv6(parts[1]) if parts[1] else _name(parts[2])
    port = int(parts[3]) if parts[3] else _DEFAULT_PORTS[scheme]
    return (host, port) if host and 0 < port <= _MAX_PORT else None


def _ipv6(literal: str) -> str | None:
    try:
        return str(ipaddress.IPv6Address(literal))
    except ValueError:
        return None


def _name(given: str) -> str | None:
    """A host's name in ASCII and lower case; None where libraries disagree about it."""
    try:
        name = given.removesuffix(".").encode("idna").decode().lower()
        others = URL.build(scheme="https", host=given.removesuffix(".")).raw_host
    except ValueError:  # among them a UnicodeError: no name that DNS could know
        return None
    labels = name.split(".")
    if (
        name != others
        or len(name) > _MAX_NAME
        or not all(_LABEL.fullmatch(label) for label in labels)
    ):
        return None
    # Some libraries take the like of 127.1 and 0x7f000001 for addresses, and some for names.
    if _NUMBER.fullmatch(labels[-1]) and _address(name) is None:
        return None
    return name


def _is_read_alike(url: BaseURL) -> bool:
    parts = urlsplit(str(url))
    theirs = URL(str(url))
    return (
        str(theirs).removesuffix("/") == str(url)
        and parts.hostname == theirs.raw_host == url.host
        and (parts.port or _DEFAULT_PORTS[parts.scheme]) == theirs.port == url.port
        and not _UNCLEAR.search(url.path)
    )


def _netloc(scheme: str, host: str, port: int) -> str:
    shown = f"[{host}]" if ":" in host else host
    return shown if port == _DEFAULT_PORTS[scheme] else f"{shown}:{port}"


def _without_port(entry: str) -> tuple[str, str | None]:
    if entry.startswith("["):
        host, _, port = entry[1:].partition("]")
        return host, port.removeprefix(":") or None
    if entry.count(":") == 1:
        host, _, port = entry.partition(":")
        return host, port
    return entry, None


def _is_in(address: ipaddress.IPv4Address | ipaddress.IPv6Address, network: str) -> bool:
    try:
        return address in ipaddress.ip_network(network, strict=False)
    except ValueError:
        return False


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
