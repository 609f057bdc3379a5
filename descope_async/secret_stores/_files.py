"""``file:DIR/{id}.json``: one file for each key."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Final

from descope_async._files.private_files import Access, rename, write_whole
from descope_async._files.private_folders import make_folder
from descope_async.errors import ConfigurationError

from ._errors import SecretStoreError
from ._folder_checks import check_folder, check_ignored_by_git
from ._store import SecretEntry
from ._stored_text import decoded
from ._template import Template, slug

_FORBIDDEN: Final = re.compile(r"[^A-Za-z0-9_.-]")
_LONGEST: Final = 150
_MAX_FILE: Final = 64 * 1024
_PENDING: Final = ".pending"


class FileStore:
    """A folder with a file for each key.

    A file whose name ends in ``.json`` holds a JSON object: ``id``, ``name``, ``label``,
    ``fingerprint``, and the secret as ``cleartext``. Any other holds the secret and nothing else.

    Args:
        location: The file; ``{id}`` and ``{label}`` may stand in its name, not in its folder.
        mode: The file's permission bits, octal.
        owner: The file's user; empty for whoever writes it.
        group: The file's group; empty for that of whoever writes it.
    """

    def __init__(self, location: str, mode: str = "", owner: str = "", group: str = "") -> None:
        self._template = Template(location, lambda text: slug(text, _FORBIDDEN, _LONGEST))
        self._folder = Path(location).parent
        if not Path(location).name:
            raise ConfigurationError(f"file:{location} names no file")
        if "{" in str(self._folder):
            raise ConfigurationError(
                f"file:{location}: {{id}} and {{label}} may stand in the file's name only"
            )
        self._access = Access.of(mode, owner, group)

    def place(self, key_id: str, label: str) -> str:
        """The file's absolute path."""
        return f"file:{Path(self._template.fill(key_id, label)).absolute()}"

    def check(self, keys: int) -> None:
        """See whether the folder is closed to others, not committed, and can be written to."""
        store = f"file:{self._template.text}"
        check_folder(self._folder, self._access, keys, store)
        check_ignored_by_git(self._folder / "K2probe.json", store)

    def is_free(self, place: str) -> bool:
        """Whether there is no such file."""
        try:
            # Since Python 3.14, Path.exists says of a folder that may not be entered that nothing is there.
            _path(place).stat()
        except (FileNotFoundError, NotADirectoryError):
            return True
        except OSError as error:
            raise SecretStoreError(place, error.strerror or type(error).__name__) from None
        return False

    def put(self, place: str, entry: SecretEntry, *, overwrite: bool, pending: bool) -> None:
        """Write the file whole, on the disk, under its name."""
        path, content = _path(place, pending=pending), _content(_path(place), entry)
        try:
            make_folder(path.parent)
            try:
                write_whole(path, content, self._access, overwrite=overwrite or pending)
            except FileExistsError:
                if not _is_of(path, entry):
                    raise SecretStoreError(place, "there is something already") from None
                write_whole(path, content, self._access, overwrite=True)
        except OSError as error:
            raise SecretStoreError(place, error.strerror or type(error).__name__) from None

    def get(self, place: str, *, pending: bool = False) -> str:
        """The secret in the file."""
        path = _path(place, pending=pending)
        try:
            return _secret(path)
        except OSError as error:
            raise SecretStoreError(place, error.strerror or type(error).__name__) from None
        except ValueError:
            raise SecretStoreError(place, "the file holds no secret") from None

    def promote(self, place: str, key_id: str) -> None:
        """Rename the pending file, if it is still there."""
        try:
            rename(_path(place, pending=True), _path(place))
        except FileNotFoundError:
            if _key_id(_path(place)) not in (key_id, None):
                raise SecretStoreError(place, "the pending secret is gone") from None
        except OSError as error:
            raise SecretStoreError(place, error.strerror or type(error).__name__) from None


def _path(place: str, *, pending: bool = False) -> Path:
    text = place.removeprefix("file:").partition("?")[0]
    return Path(text + _PENDING * pending)


def _content(path: Path, entry: SecretEntry) -> bytes:
    if path.suffix != ".json":
        return entry.cleartext.encode()
    value = {
        "id": entry.key_id,
        "name": entry.name,
        "label": entry.label,
        "fingerprint": entry.fingerprint,
        "cleartext": entry.cleartext,
    }
    return json.dumps(value, ensure_ascii=False, indent=1).encode() + b"\n"


def _secret(path: Path) -> str:
    """The secret in a file.

    Raises:
        OSError: It cannot be read.
        ValueError: There is none in it.
    """
    found = _read(path)
    return found["cleartext"] if isinstance(found, dict) else found


def _read(path: Path) -> dict[str, Any] | str:
    with path.open("rb") as file:
        text = decoded(file.read(_MAX_FILE)).strip()
    if not text.startswith("{"):
        return text
    found: dict[str, Any] = json.loads(text)
    if not isinstance(found.get("cleartext"), str):
        raise ValueError("no cleartext")  # noqa: TRY004 - as for text that is no JSON
    return found


def _is_of(path: Path, entry: SecretEntry) -> bool:
    """Whether a file is about this very key, or holds this very secret."""
    try:
        found = _read(path)
    except (OSError, ValueError):
        return False
    if isinstance(found, str):
        return found == entry.cleartext
    return found.get("id") == entry.key_id


def _key_id(path: Path) -> str | None:
    """The id of the key that a file is about; None for a file that does not say."""
    try:
        found = _read(path)
    except (OSError, ValueError):
        return None
    return found.get("id") if isinstance(found, dict) else None
