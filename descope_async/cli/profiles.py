"""Where a command finds its project and its keys: the environment, or a profile in a file."""

from __future__ import annotations

import os
import stat
import tomllib
from pathlib import Path
from typing import Any, Final, cast

from descope_async._files.private_files import NO_FILE
from descope_async.errors import ConfigurationError

from .standard_input import ending_at_once
from .user_folders import user_folder
from .whole_files import read_file

_KEY_VARIABLE: Final = "DESCOPE_MANAGEMENT_KEY"
_MOST_BYTES: Final = 2**20
_FIELDS: Final = ("project_id", "management_key", "base_url")


def profile_file() -> Path:
    """The file that holds profiles: below ``XDG_CONFIG_HOME``, else below ``~/.config``."""
    return user_folder("XDG_CONFIG_HOME", ".config") / "profiles.toml"


def profile_names() -> list[str]:
    """The names of the profiles.

    Raises:
        ConfigurationError: The file cannot be used.
    """
    return sorted(_read(profile_file()))


def profile_settings(name: str | None) -> dict[str, Any]:
    """Arguments for a client: those of a profile, or what the environment only refers to.

    Raises:
        ConfigurationError: There is no such profile, or the file cannot be used.
    """
    if name is None:
        return _from_environment()
    profiles = _read(profile_file())
    if name not in profiles:
        known = ", ".join(sorted(profiles)) or "none"
        raise ConfigurationError(
            f"there is no profile {name!r} in {profile_file()}; it has: {known}"
        )
    found: object = profiles[name]
    entries = cast("dict[str, Any]", found) if isinstance(found, dict) else {"": found}
    if not set(entries) <= set(_FIELDS):
        raise ConfigurationError(
            f"the profile {name!r} in {profile_file()} may hold {', '.join(_FIELDS)} and nothing else"
        )
    for entry, value in entries.items():
        if not isinstance(value, str) or not value:
            raise ConfigurationError(
                f"{entry} of the profile {name!r} in {profile_file()} must be a string in quotes"
            )
    key = str(entries.get("management_key", ""))
    return {**entries, **_read_reference(key)}


def _from_environment() -> dict[str, str]:
    """The management key, where the environment says where it is; a client reads all else."""
    return _read_reference(os.environ.get(_KEY_VARIABLE, ""))


def _read_reference(key: str) -> dict[str, str]:
    """The key that a reference such as ``keyring:descope/admin`` leads to; nothing for a key itself."""
    if ":" not in key:  # which no key has, but every reference to one
        return {}
    from descope_async import SecretReference
    from descope_async.secret_stores._schemes import SCHEMES
    from descope_async.secret_stores._stored_text import cleaned

    reference = cleaned(key)
    if reference.partition(":")[0] not in SCHEMES:  # the client says what is wrong
        return {}
    with ending_at_once():
        return {"management_key": SecretReference.parse(reference).read()}


def _read(path: Path) -> dict[str, Any]:
    try:
        _refuse_if_shared(path, path.stat())
        return tomllib.loads(read_file(path, _MOST_BYTES).decode())
    except FileNotFoundError:
        raise ConfigurationError(f"there is no file {path} to read the profile from") from None
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        # The parser's own message quotes the line, and a line may hold a key.
        raise ConfigurationError(f"{path} is not TOML") from None


def _refuse_if_shared(path: Path, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):  # a pipe would be waited for
        raise ConfigurationError(f"{path} cannot be read: {NO_FILE}")
    if os.name == "posix" and stat.S_IMODE(found.st_mode) & 0o077:
        raise ConfigurationError(
            f"others can read {path}, which holds management keys: chmod 600 {path}"
        )
