"""Folders of the user's, by the XDG Base Directory Specification."""

from __future__ import annotations

import os
from pathlib import Path

from descope_async._files.paths import at_home
from descope_async.errors import ConfigurationError


def user_folder(variable: str, below_home: str) -> Path:
    """This program's folder below the one that a variable names, else below the user's home.

    Args:
        variable: Such as ``"XDG_STATE_HOME"``.
        below_home: Where that folder is without the variable, such as ``".local/state"``.

    Raises:
        ConfigurationError: The variable is not set, and the user has no home, as in many containers.
    """
    if named := os.environ.get(variable):
        return at_home(named) / "descope-keys"
    try:
        return Path.home() / below_home / "descope-keys"
    except RuntimeError:
        raise ConfigurationError(
            f"this user has no home folder: set HOME, or {variable} to a folder that can be written"
        ) from None
