"""``keyring:SERVICE/{id}``: the keyring of the operating system, such as a Secret Service."""

from __future__ import annotations

import re
from importlib import import_module
from typing import Any, Final

from descope_async._runtime.forks import ProcessLock
from descope_async.errors import ConfigurationError

from ._errors import SecretStoreError
from ._extras import needed
from ._store import SecretEntry
from ._template import Template, slug

_PENDING: Final = " (pending)"
_SLASH: Final = re.compile(r"/")
_LONGEST: Final = 400
#: Backends that keep a file lose what is written at the same time.
_TURN: Final = ProcessLock()


class KeyringStore:
    """The default keyring of the library ``keyring``.

    Args:
        location: The service and the user name under which the secret is kept, as
            ``SERVICE/NAME``. ``{id}`` and ``{label}`` may stand in both.
    """

    def __init__(self, location: str) -> None:
        service, slash, name = location.rpartition("/")
        if not slash or not service or not name:
            raise ConfigurationError(f"keyring:{location}: write it as keyring:SERVICE/NAME")
        # A slash in a label would move the border between the two.
        self._template = Template(location, lambda text: slug(text, _SLASH, _LONGEST))
        with needed("keyring", "keyring", "keyring:"):
            self._keyring: Any = import_module("keyring")

    def place(self, key_id: str, label: str) -> str:
        """The service and the name."""
        return f"keyring:{self._template.fill(key_id, label)}"

    def check(self, keys: int) -> None:
        """Write a probe, read it and remove it."""
        store = f"keyring:{self._template.text}"
        service, name = _names(store)
        try:
            with _TURN.held:
                self._keyring.set_password(service, f"{name}.probe", "probe")
                found = self._keyring.get_password(service, f"{name}.probe")
                self._keyring.delete_password(service, f"{name}.probe")
        except Exception as error:  # noqa: BLE001 - each backend has its own
            raise SecretStoreError(store, _told(error)) from None
        if found != "probe":
            raise SecretStoreError(store, "what was written cannot be read back")

    def is_free(self, place: str) -> bool:
        """Whether the keyring has nothing of that name."""
        return self._get(place, _names(place)) is None

    def put(self, place: str, entry: SecretEntry, *, overwrite: bool, pending: bool) -> None:
        """Set the password."""
        service, name = _names(place)
        if not (overwrite or pending) and self._get(place, (service, name)) not in (
            None,
            entry.cleartext,
        ):
            raise SecretStoreError(place, "there is something already")
        self._set(place, (service, name + _PENDING * pending), entry.cleartext)

    def get(self, place: str, *, pending: bool = False) -> str:
        """The password."""
        service, name = _names(place)
        found = self._get(place, (service, name + _PENDING * pending))
        if found is None:
            raise SecretStoreError(place, "the keyring has nothing of that name")
        return found

    def promote(self, place: str, key_id: str) -> None:
        """Move the pending password to its name, if it is still there."""
        service, name = _names(place)
        found = self._get(place, (service, name + _PENDING))
        if found is None:
            return
        self._set(place, (service, name), found)
        try:
            with _TURN.held:
                self._keyring.delete_password(service, name + _PENDING)
        except Exception as error:  # noqa: BLE001 - each backend has its own
            raise SecretStoreError(place, _told(error)) from None

    def _get(self, place: str, names: tuple[str, str]) -> str | None:
        try:
            with _TURN.held:
                found: str | None = self._keyring.get_password(*names)
        except Exception as error:  # noqa: BLE001 - each backend has its own
            raise SecretStoreError(place, _told(error)) from None
        return found

    def _set(self, place: str, names: tuple[str, str], cleartext: str) -> None:
        try:
            with _TURN.held:
                self._keyring.set_password(*names, cleartext)
        except Exception as error:  # noqa: BLE001 - each backend has its own
            raise SecretStoreError(place, type(error).__name__) from None


def _names(place: str) -> tuple[str, str]:
    service, _, name = place.removeprefix("keyring:").rpartition("/")
    return service, name


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
