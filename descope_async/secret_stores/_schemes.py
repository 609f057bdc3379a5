"""Which store a scheme names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl

from descope_async._files.paths import with_home
from descope_async._runtime.late_imports import late_import
from descope_async.errors import ConfigurationError

from ._errors import SecretStoreError
from ._store import SecretStore

#: What stores are called in references.
SCHEMES: Final = ("env", "file", "dotenv", "jsonl", "exec", "keyring", "vault", "aws-sm", "k8s")
#: Characters of what may be meant as a scheme.
_LONGEST_SCHEME: Final = 12
#: A question mark can be part of a command.
_WITHOUT_OPTIONS: Final = frozenset({"exec"})
_IN_FILES: Final = frozenset({"file", "dotenv", "jsonl"})


def open_store(reference: str) -> SecretStore:
    """The store that a reference names, such as ``"file:/etc/keys/{id}.json"``.

    Settings may follow the location: ``"file:/etc/keys/{id}.json?mode=0640&group=www-data"``.

    Raises:
        ConfigurationError: There is no such store, or it needs something that is not there.
    """
    if "\0" in reference:
        raise ConfigurationError("a reference holds no NUL")
    scheme, colon, rest = reference.partition(":")
    if not colon or scheme not in SCHEMES:
        # It may be a secret in the wrong place, of which neither the error nor its frames may show more.
        shown = repr(f"{scheme}:") if colon and len(scheme) <= _LONGEST_SCHEME else "the place"
        del scheme, rest, reference
        raise ConfigurationError(
            f"{shown} names no store: it begins with none of "
            f"{', '.join(f'{name}:' for name in SCHEMES)}"
        )
    location, query = rest, ""
    if scheme not in _WITHOUT_OPTIONS:
        location, _, query = rest.partition("?")
    if scheme in _IN_FILES:
        location = with_home(location)
    if not location:
        raise ConfigurationError(f"{reference!r} names no place: {scheme}: needs a location")
    options = dict(parse_qsl(query, keep_blank_values=True))
    try:
        return _stores()[scheme](location, **options)
    except TypeError as error:
        if not options:
            raise
        raise ConfigurationError(
            f"{scheme}: does not know the settings {', '.join(options)}"
        ) from error


def anchored(reference: str, folder: Path) -> str:
    """The same place by a name that means it in every folder: a relative path is below `folder`.

    Args:
        reference: A place, such as ``"file:keys/{id}.json"``.
        folder: The folder that a relative path begins in.
    """
    scheme, colon, location = reference.partition(":")
    if not colon or not location or scheme not in _IN_FILES:
        return reference
    return f"{scheme}:{folder.absolute() / with_home(location)}"


@late_import
def _stores() -> Mapping[str, Callable[..., SecretStore]]:
    """The class for each scheme. Each of them imports its library when a store is opened."""
    from ._aws_secrets_manager import AwsSecretsManagerStore
    from ._command import CommandStore
    from ._dotenv import DotenvStore
    from ._environment import EnvironmentStore
    from ._files import FileStore
    from ._json_lines import JsonLinesStore
    from ._keyring import KeyringStore
    from ._kubernetes import KubernetesStore
    from ._vault import VaultStore

    return {
        "env": EnvironmentStore,
        "file": FileStore,
        "dotenv": DotenvStore,
        "jsonl": JsonLinesStore,
        "exec": CommandStore,
        "keyring": KeyringStore,
        "vault": VaultStore,
        "aws-sm": AwsSecretsManagerStore,
        "k8s": KubernetesStore,
    }


def read_secret(place: str) -> str:
    """The secret at a place that a report names. It may block for a while.

    Raises:
        ConfigurationError: There is no such store.
        SecretStoreError: There is no secret, or the store cannot be read.
    """
    scheme, _, location = place.partition(":")
    if scheme in _IN_FILES:
        place = f"{scheme}:{with_home(location)}"
    found = open_store(place).get(place)
    if found is None:
        raise SecretStoreError(place, "this store can only be written to")
    return found
