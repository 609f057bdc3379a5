"""TLS and proxy on the way to the service, by the environment as it is now."""

from __future__ import annotations

from ssl import SSLContext

from attrs import frozen

from .base_url import BaseURL
from .certificate_authorities import check_environment, default_context
from .proxy import Proxy, proxy_for


@frozen(eq=False, repr=False)
class Route:
    """The way to the service.

    Attributes:
        context: The TLS context; None where there is no TLS.
        proxy: Through which proxy; None for none.
    """

    context: SSLContext | None
    proxy: Proxy | None


def check_route(url: BaseURL, context: SSLContext | None, *, trust_env: bool) -> None:
    """Refuse an unusable proxy or certificate file in the environment.

    Args:
        url: Where the service is.
        context: The one that the client was given; None for the default one.
        trust_env: Whether the environment may name a proxy.

    Raises:
        ConfigurationError: A proxy, or a named file or folder of certificates, cannot be used.
    """
    if url.scheme == "https" and context is None:
        check_environment()
    if trust_env:
        proxy_for(url)


def current_route(url: BaseURL, context: SSLContext | None, *, trust_env: bool) -> Route:
    """The way to the service now. A program may set its environment after it has made its client.

    Args:
        url: As for `check_route`.
        context: As for `check_route`.
        trust_env: As for `check_route`.

    Raises:
        ConfigurationError: As `check_route`, or there is no certificate authority at all.
    """
    if url.scheme == "https":
        context = context or default_context()
    return Route(context, proxy_for(url) if trust_env else None)
