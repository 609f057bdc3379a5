"""``vault:MOUNT/PATH``: HashiCorp Vault or OpenBao, the key-value store of version 2."""

from __future__ import annotations

import re
import secrets
from importlib import import_module
from typing import Any, Final

from descope_async.errors import ConfigurationError

from ._errors import SecretStoreError
from ._extras import needed
from ._store import SecretEntry
from ._template import Template, slug

_FORBIDDEN: Final = re.compile(r"[^A-Za-z0-9_.-]")
_LONGEST: Final = 200
_PENDING: Final = ".pending"
_SECONDS: Final = 10


class VaultStore:
    """A secret of the key-value store for each key: ``cleartext``, ``id``, ``name``, ``label``, ``fingerprint``.

    The server and the token are those of the environment: ``VAULT_ADDR``, ``VAULT_TOKEN`` or
    ``~/.vault-token``, ``VAULT_NAMESPACE``, ``VAULT_CACERT``. Every write is a check-and-set: it
    fails when somebody else has written meanwhile.

    Args:
        location: The mount and the path in it, as ``MOUNT/PATH``, such as ``secret/billing/{id}``.
            ``{id}`` and ``{label}`` may stand in the path.
    """

    def __init__(self, location: str) -> None:
        mount, slash, path = location.partition("/")
        if not slash or not mount or not path.strip("/") or "{" in mount:
            raise ConfigurationError(f"vault:{location}: write it as vault:MOUNT/PATH")
        self._mount = mount
        self._template = Template(location, lambda text: slug(text, _FORBIDDEN, _LONGEST))
        with needed("hvac", "vault", "vault:"):
            self._hvac: Any = import_module("hvac")
            self._errors: Any = import_module("hvac.exceptions")
        self._client: Any = self._hvac.Client(timeout=_SECONDS)

    def place(self, key_id: str, label: str) -> str:
        """The mount and the path."""
        return f"vault:{self._template.fill(key_id, label)}"

    def check(self, keys: int) -> None:
        """Write a probe, read it and remove it: that needs create, read and delete."""
        store = f"vault:{self._template.text}"
        path = f"{self._template.fill('probe', 'probe')}-{secrets.token_hex(4)}".partition("/")[2]
        try:
            self._write(path, {"cleartext": "probe"}, 0)
            found = self._read(path)
            self._kv.delete_metadata_and_all_versions(path=path, mount_point=self._mount)
        except Exception as error:  # noqa: BLE001 - the library and its transport have many
            raise SecretStoreError(store, self._told(error)) from None
        if found is None or found[0].get("cleartext") != "probe":
            raise SecretStoreError(store, "what was written cannot be read back")

    def is_free(self, place: str) -> bool:
        """Whether there is no version, or the newest is deleted."""
        return self._found(place, _path(place)) is None

    def put(self, place: str, entry: SecretEntry, *, overwrite: bool, pending: bool) -> None:
        """Write a version, if nobody else has written meanwhile."""
        path = _path(place) + _PENDING * pending
        found = self._found(place, path)
        if found and not (overwrite or pending) and found[0].get("id") != entry.key_id:
            raise SecretStoreError(place, "there is something already")
        value = {
            "id": entry.key_id,
            "name": entry.name,
            "label": entry.label,
            "fingerprint": entry.fingerprint,
            "cleartext": entry.cleartext,
        }
        if found and found[0] == value:
            return  # an earlier try has arrived
        try:
            self._write(path, value, found[1] if found else self._version(path))
        except Exception as error:  # noqa: BLE001 - as above
            raise SecretStoreError(place, self._told(error)) from None

    def get(self, place: str, *, pending: bool = False) -> str:
        """The secret of the newest version."""
        found = self._found(place, _path(place) + _PENDING * pending)
        if found is None or not isinstance(found[0].get("cleartext"), str):
            raise SecretStoreError(place, "there is no secret")
        cleartext: str = found[0]["cleartext"]
        return cleartext

    def promote(self, place: str, key_id: str) -> None:
        """Write the pending secret to its path, and remove it where it was."""
        path = _path(place)
        pending, current = self._found(place, path + _PENDING), self._found(place, path)
        if pending is None or pending[0].get("id") != key_id:
            return
        try:
            if current is None or current[0] != pending[0]:
                self._write(path, pending[0], current[1] if current else self._version(path))
            self._kv.delete_metadata_and_all_versions(path=path + _PENDING, mount_point=self._mount)
        except Exception as error:  # noqa: BLE001 - as above
            raise SecretStoreError(place, self._told(error)) from None

    @property
    def _kv(self) -> Any:
        return self._client.secrets.kv.v2

    def _found(self, place: str, path: str) -> tuple[dict[str, Any], int] | None:
        try:
            return self._read(path)
        except Exception as error:  # noqa: BLE001 - as above
            raise SecretStoreError(place, self._told(error)) from None

    def _read(self, path: str) -> tuple[dict[str, Any], int] | None:
        """The newest version and its number; None for none."""
        try:
            answer = self._kv.read_secret_version(
                path=path, mount_point=self._mount, raise_on_deleted_version=True
            )
        except self._errors.InvalidPath:
            return None
        data = answer["data"]
        return data["data"], data["metadata"]["version"]

    def _version(self, path: str) -> int:
        """The number that a check-and-set must name where the newest version is deleted."""
        try:
            metadata = self._kv.read_secret_metadata(path=path, mount_point=self._mount)
        except self._errors.InvalidPath:
            return 0
        version: int = metadata["data"]["current_version"]
        return version

    def _write(self, path: str, value: dict[str, Any], version: int) -> None:
        self._kv.create_or_update_secret(
            path=path, secret=value, cas=version, mount_point=self._mount
        )

    def _told(self, error: Exception) -> str:
        # The library's errors quote the server's answer, which does not repeat what was written.
        said = str(error) if isinstance(error, self._errors.VaultError) else ""
        return f"{type(error).__name__}: {said}".rstrip(": ")


def _path(place: str) -> str:
    return place.removeprefix("vault:").partition("?")[0].partition("/")[2]
