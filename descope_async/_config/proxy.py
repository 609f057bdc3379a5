"""The proxy that the environment, or the system, names for the service."""

from __future__ import annotations

import ipaddress
import os
import re
import sys
from base64 import b64encode
from collections.abc import Callable
from typing import Final
from urllib.parse import unquote, urlsplit

from attrs import field, frozen

from descope_async._runtime.late_imports import late_import
from descope_async._values.secret import Secret
from descope_async.errors import ConfigurationError

from .base_url import BaseURL
from .hosts import DEFAULT_PORTS, ip_address, netloc, place

_BETWEEN: Final = re.compile(r"[\s,]+")
_QUOTED: Final = "stands in quotes, which are a part of the value here: leave them out"
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")


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


def proxy_for(url: BaseURL) -> Proxy | None:
    """The proxy that the environment, or the system, names for a URL; None for none.

    Raises:
        ConfigurationError: It cannot be used.
    """
    # Another machine cannot reach this one by a loopback address. And without TLS, which only goes
    # to this machine, a proxy would see the keys.
    if url.scheme != "https" or url.is_loopback:
        return None
    if not _may_be_named():
        return None
    getproxies, getproxies_environment, proxy_bypass = _from_urllib()
    found = Secret(getproxies())
    variable = next((name for name in ("https", "all") if found.reveal().get(name)), None)
    if variable is None or is_excluded(url, found.reveal().get("no", "")):
        return None
    # Without variables, the system says what goes past its proxy.
    if not Secret(getproxies_environment()).reveal() and proxy_bypass(url.host):
        return None
    return read_proxy(f"{variable.upper()}_PROXY", Secret(found.reveal()[variable]))


def _may_be_named() -> bool:
    """Whether urllib may know a proxy. Its import takes 15 ms, so most processes do without it."""
    has_settings = sys.platform in {"darwin", "win32"}
    return has_settings or any(name.lower().endswith("_proxy") for name in os.environ)


@late_import
def _from_urllib() -> tuple[
    Callable[[], dict[str, str]], Callable[[], dict[str, str]], Callable[[str], object]
]:
    from urllib.request import getproxies, getproxies_environment, proxy_bypass

    return getproxies, getproxies_environment, proxy_bypass


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
        is_quoted = given.reveal().strip()[:1] in {'"', "'"}
        found = _QUOTED if is_quoted else _read_proxy(given)
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
    address = ip_address(url.host)
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
    if scheme not in DEFAULT_PORTS:
        return "must be an http or https URL"
    if parts.reveal().query or parts.reveal().fragment or parts.reveal().path not in {"", "/"}:
        return "must end after the port; write # ? and / in a password as %23 %3F and %2F"
    where = place(scheme, parts.reveal().netloc.rpartition("@")[2])
    if where is None:
        return "must have a host, and a port from 1 to 65535 if any"
    url = f"{scheme}://{netloc(scheme, *where)}"
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
