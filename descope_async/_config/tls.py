"""TLS settings, which must make sure who answers."""

from __future__ import annotations

from ssl import CERT_REQUIRED, SSLContext
from typing import TypeGuard

from descope_async.errors import ConfigurationError

from .base_url import BaseURL


def tls(value: object, base_url: BaseURL) -> SSLContext | None:
    """The TLS settings for a service; None for the system's.

    Raises:
        ConfigurationError: They are not an SSLContext, or would let others pose as the service.
    """
    if value is None:
        return None
    trust = "to trust your own authority use ssl.create_default_context(cafile=…)"
    if not _is_context(value):
        raise ConfigurationError(
            f"ssl must be an ssl.SSLContext; certificates are always checked, so {trust}"
        )
    if not is_checking(value) and not base_url.is_loopback:
        raise ConfigurationError(
            "ssl must check certificates and host names, except to this machine: without that, "
            f"anybody on the way could take the keys; {trust}"
        )
    return value


def is_checking(context: SSLContext | None) -> bool:
    """Whether a context makes sure who answers; the default one does."""
    return context is None or (context.verify_mode is CERT_REQUIRED and context.check_hostname)


def _is_context(value: object) -> TypeGuard[SSLContext]:
    # truststore puts a class of its own in the place of `ssl.SSLContext`, which may be what was
    # imported here. Common to both is the class that stands before `object`.
    return isinstance(value, SSLContext.__mro__[-2])
