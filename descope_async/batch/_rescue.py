"""The rescue file: it holds a secret that no sink takes, beside the journal."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Final

from descope_async._files.private_files import Access, write_whole
from descope_async._files.private_folders import make_folder
from descope_async.errors import ConfigurationError
from descope_async.secret_stores import SecretEntry
from descope_async.secret_stores._extras import needed
from descope_async.secret_stores._template import slug

_FORBIDDEN: Final = re.compile(r"[^A-Za-z0-9_.-]")
_LONGEST: Final = 100


class Rescue:
    """The folder ``<journal>.rescue``, with a file for each secret, mode 0600.

    Args:
        journal: The journal.
        recipient: A recipient of age (``age1…``), for whom the files are sealed; None for none.

    Raises:
        ConfigurationError: The recipient cannot be used.
    """

    def __init__(self, journal: Path, recipient: str | None) -> None:
        self.folder = journal.with_name(f"{journal.name}.rescue")
        self._seal = None if recipient is None else _sealer(recipient)

    def path(self, number: int, key_id: str) -> Path:
        """The file for a key of the run."""
        name = f"{number}-{slug(key_id, _FORBIDDEN, _LONGEST)}.json"
        return self.folder / (name if self._seal is None else f"{name}.age")

    def put(self, number: int, entry: SecretEntry) -> Path:
        """Write a secret. It is on the disk when this returns.

        Raises:
            OSError: It cannot be written.
        """
        value = {
            "id": entry.key_id,
            "name": entry.name,
            "label": entry.label,
            "fingerprint": entry.fingerprint,
            "cleartext": entry.cleartext,
        }
        data = json.dumps(value, ensure_ascii=False).encode()
        path = self.path(number, entry.key_id)
        make_folder(self.folder)
        write_whole(
            path, data if self._seal is None else self._seal(data), Access(), overwrite=True
        )
        return path

    @staticmethod
    def get(path: Path) -> SecretEntry | None:
        """The secret in a file; None where the file is sealed.

        Raises:
            OSError: There is no such file, or it cannot be read.
            ValueError: It holds something else.
        """
        data = path.read_bytes()
        if path.suffix == ".age":
            return None
        value = json.loads(data)
        return SecretEntry(
            cleartext=value["cleartext"],
            key_id=value["id"],
            name=value["name"],
            label=value["label"],
            fingerprint=value["fingerprint"],
        )

    def remove(self, path: Path) -> None:
        """Remove a file whose secret is in its sinks now, and the folder if it is empty then."""
        path.unlink(missing_ok=True)
        with suppress(OSError):  # there are others
            self.folder.rmdir()


def _sealer(recipient: str) -> Callable[[bytes], bytes]:
    with needed("pyrage", "age", "rescue_recipient"):
        pyrage = import_module("pyrage")
    try:
        known = pyrage.x25519.Recipient.from_str(recipient.strip())
    except pyrage.RecipientError as error:
        raise ConfigurationError(
            f"rescue_recipient is no recipient of age, such as 'age1…': {error}"
        ) from None

    def seal(data: bytes) -> bytes:
        sealed: bytes = pyrage.encrypt(data, [known])
        return sealed

    return seal
