"""``env:NAME``: a variable of this process's environment, or the file that ``NAME_FILE`` names."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from descope_async._files.paths import at_home
from descope_async.errors import ConfigurationError

from . import _stored_text as stored_text
from ._errors import SecretStoreError
from ._store import SecretEntry

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
#: What is no path, but a key, JSON or a URL, and may hold a secret.
_VALUE: Final = re.compile(r"K[A-Za-z0-9]{32,}|\{.*|[A-Za-z]+://.*", re.DOTALL)
_MAX_FILE: Final = 256 * 1024


def variable(name: str, environment: Mapping[str, str]) -> str | None:
    """The value of a variable, else the text of the file that ``NAME_FILE`` names; None for neither.

    Containers mount secrets as files and name them so. An empty variable counts as not set.

    Raises:
        ConfigurationError: Both are set, the file cannot be read, or ``NAME_FILE`` holds a value itself.
    """
    value, file = environment.get(name) or None, environment.get(f"{name}_FILE")
    del environment  # no traceback shall show it, nor the value
    file = stored_text.cleaned(file or "")
    if not file:
        return value
    if value:
        del value
        raise ConfigurationError(
            f"{name} and {name}_FILE are both set, and may hold different values; unset one"
        )
    if _VALUE.fullmatch(file) and not os.path.exists(file):  # noqa: PTH110 - Path.exists raises for long names
        del file
        raise ConfigurationError(
            f"{name}_FILE must name a file, and holds a value itself: set {name} instead"
        )
    return read_text(at_home(file), f"{name}_FILE names {file}, which cannot be read")


def read_text(path: Path, what: str) -> str:
    """The text of a small file.

    Args:
        path: The file.
        what: How an error begins.

    Raises:
        ConfigurationError: It cannot be read, or is no text.
    """
    data = b""
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_FILE + 1)
        if len(data) <= _MAX_FILE:
            return stored_text.decoded(data)
        reason = f"it is larger than {_MAX_FILE} bytes"
    except OSError as error:
        reason = error.strerror or type(error).__name__
    except ValueError:
        reason = "it is not UTF-8 text"
    del data  # no traceback shall show it
    raise ConfigurationError(f"{what}: {reason}")


class EnvironmentStore:
    """The environment of this process. It can be read from only.

    Args:
        location: The variable's name.
    """

    def __init__(self, location: str) -> None:
        if not _NAME.fullmatch(location):
            raise ConfigurationError(
                "env: needs the name of a variable, of letters, digits and underscores"
            )
        self._name = location

    def place(self, key_id: str, label: str) -> str:
        """The variable."""
        return f"env:{self._name}"

    def check(self, keys: int) -> None:
        """Refuse to keep secrets."""
        raise SecretStoreError(
            f"env:{self._name}", "it can only be read: an environment ends with its process"
        )

    def is_free(self, place: str) -> bool:
        """Whether the variable is not set."""
        return not os.environ.get(self._name)

    def put(self, place: str, entry: SecretEntry, *, overwrite: bool, pending: bool) -> None:
        """Refuse to keep a secret."""
        self.check(1)

    def get(self, place: str, *, pending: bool = False) -> str:
        """The variable's value, or the text of the file that ``NAME_FILE`` names."""
        found = variable(self._name, os.environ)
        if found is None:
            raise SecretStoreError(place, f"neither it nor {self._name}_FILE is set")
        return found

    def promote(self, place: str, key_id: str) -> None:
        """Refuse to keep a secret."""
        self.check(1)
