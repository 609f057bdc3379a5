"""Libraries that only some stores need. Each is installed by an extra."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from descope_async._runtime.late_imports import importing
from descope_async.errors import ConfigurationError


@contextmanager
def needed(library: str, extra: str, user: str) -> Generator[None]:
    """Let no fork cut an import in two, and say what to install where it fails.

    Args:
        library: What is imported.
        extra: The extra of this package that installs it.
        user: What needs it, such as ``"vault:"``.

    Raises:
        ConfigurationError: It is not installed.
    """
    try:
        with importing():
            yield
    except ImportError:
        raise ConfigurationError(
            f"{user} needs the library {library}: pip install 'descope-async[{extra}]'"
        ) from None
