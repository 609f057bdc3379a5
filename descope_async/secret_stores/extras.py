"""Libraries that only some stores need, each of an extra of its own."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from descope_async.errors import ConfigurationError


def library(name: str, extra: str, user: str) -> Any:
    """A library, imported now.

    Args:
        name: Its module.
        extra: The extra of this package that installs it.
        user: What needs it, for the error.

    Raises:
        ConfigurationError: It is not installed.
    """
    try:
        return import_module(name)
    except ImportError:
        raise ConfigurationError(
            f"{user} needs the library {name}: pip install 'descope-async[{extra}]'"
        ) from None
