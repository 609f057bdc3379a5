"""The base URL: where the service is."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlsplit

from attrs import frozen

from descope_async._values.secret import Secret
from descope_async.errors import ConfigurationError

from .hosts import DEFAULT_PORTS, ip_address, netloc, place, url_of_yarl

_URL: Final = re.compile(r"(https?)://([^/?#\\]*+)(/[^?#\\]*+)?", re.IGNORECASE)
#: A path that every library takes as it stands.
_PLAIN_PATH: Final = re.compile(r"(?:/[A-Za-z0-9_-]+)*")
_PRINTABLE: Final = re.compile(r"[\x21-\x7e]*")
#: What some libraries resolve or decode in a path, and others do not.
_UNCLEAR: Final = re.compile(r"(?:^|/)\.{1,2}(?:/|$)|%")
_NO_URL: Final = (
    "must be a URL that begins with https://, such as https://auth.company.com, or with http:// for a "
    "local Descope"
)
_NO_PLACE: Final = (
    "must have a host that is a name or an address, and a port from 1 to 65535 if any, such as "
    "https://auth.company.com:8443"
)


@frozen(eq=False, repr=False)
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
        return f"{self.scheme}://{netloc(self.scheme, self.host, self.port)}{self.path}"

    @property
    def is_loopback(self) -> bool:
        """Whether the host stands for this machine. What it leads to is seen when connecting."""
        if self.host == "localhost" or self.host.endswith(".localhost"):
            return True
        address = ip_address(self.host)
        return address is not None and address.is_loopback


def read_base_url(given: Secret[str], name: str = "base_url") -> BaseURL:
    """The address in a base URL, however that is spelt.

    Args:
        given: The URL, which may hold a password.
        name: The parameter or variable that it stands in, for errors.

    Raises:
        ConfigurationError: It is no such URL, or one that some library reads in another way.
    """
    found = _read(given.reveal())
    if isinstance(found, str):
        raise ConfigurationError(f"{name} {found}")
    return found


def _read(given: str) -> BaseURL | str:
    """The address in a URL, or what is wrong with it, which is raised where no frame holds the URL."""
    url = str.strip(given)
    if any(each.isspace() for each in url):
        return "holds a space or a line end, and no URL does"
    if "?" in url or "#" in url or "@" in url:
        return "must not hold credentials, a query or a fragment"
    parts = _URL.fullmatch(url) if url.isprintable() else None
    if parts is None:
        return _NO_URL
    where = place(parts[1].lower(), parts[2])
    if where is None:
        return _NO_PLACE
    found = BaseURL(parts[1].lower(), *where, (parts[3] or "").rstrip("/"))
    if not _PRINTABLE.fullmatch(found.path) or not _is_read_alike(found):
        return (
            "has a path that not every library reads in the same way; write it without dots, percent "
            "signs and characters outside ASCII"
        )
    return found


def _is_read_alike(url: BaseURL) -> bool:
    if ":" not in url.host and _PLAIN_PATH.fullmatch(url.path):
        return True
    parts = urlsplit(str(url))
    theirs = url_of_yarl()(str(url))
    return (
        str(theirs).removesuffix("/") == str(url)
        and parts.hostname == theirs.raw_host == url.host
        and (parts.port or DEFAULT_PORTS[parts.scheme]) == theirs.port == url.port
        and not _UNCLEAR.search(url.path)
    )
