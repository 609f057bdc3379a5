"""``dotenv:FILE#NAME``: a line of a file that programs read into their environment."""

from __future__ import annotations

import re
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from descope_async._files.locks import alone_with
from descope_async._files.private_files import NO_FILE, Access, is_mounted, write_whole
from descope_async._files.private_folders import make_folder
from descope_async._runtime.forks import ProcessLock
from descope_async.errors import ConfigurationError

from ._errors import SecretStoreError
from ._folder_checks import check_folder, check_ignored_by_git
from ._store import SecretEntry
from ._template import Template

_LINE: Final = re.compile(r"\s*+(?:export\s++)?([A-Za-z_][A-Za-z0-9_]*+)\s*+=\s*+(.*+)", re.DOTALL)
_ESCAPED: Final = re.compile(r"\\(.)")
_TO_ESCAPE: Final = re.compile(r'(["\\$`])')
_FORBIDDEN: Final = re.compile(r"[^A-Za-z0-9_]")
_PENDING: Final = "__PENDING"
#: The file is written anew for each secret, so the work grows with the square of their number.
_MOST: Final = 500
_MAX_FILE: Final = 1024 * 1024
#: For the threads of this process, also where files have no locks.
_TURN: Final = ProcessLock()


class DotenvStore:
    """A file of ``NAME='secret'`` lines, whose other lines stay as they are.

    Args:
        location: The file and the variable's name, as ``FILE#NAME``. ``{id}`` and ``{label}`` may
            stand in the name; what a name cannot have becomes ``_``.
        mode: The file's permission bits, octal.
        owner: The file's user; empty for whoever writes it.
        group: The file's group; empty for that of whoever writes it.
    """

    def __init__(self, location: str, mode: str = "", owner: str = "", group: str = "") -> None:
        file, hash_sign, name = location.rpartition("#")
        if not hash_sign or not file or not name or "{" in file:
            raise ConfigurationError(
                f"dotenv:{location}: write it as dotenv:FILE#NAME; "
                "{id} and {label} may stand in the name only"
            )
        self._path = Path(file).absolute()
        self._template = Template(name, _variable)
        self._access = Access.of(mode, owner, group)

    def place(self, key_id: str, label: str) -> str:
        """The file and the variable's name."""
        return f"dotenv:{self._path}#{_variable(self._template.fill(key_id, label))}"

    def check(self, keys: int) -> None:
        """See whether the file can be written, is not committed, and is for few secrets. It stays as it is."""
        store = f"dotenv:{self._path}"
        if keys > _MOST:
            raise SecretStoreError(
                store, f"a dotenv file is for {_MOST} secrets at most, not for {keys}; use jsonl:"
            )
        check_folder(self._path.parent, self._access, keys, store, listed=True)
        check_ignored_by_git(self._path, store)
        self._lines(store)
        if self._path.is_symlink():
            raise SecretStoreError(store, "it is a symlink, which somebody may redirect")
        if is_mounted(self._path):
            raise SecretStoreError(store, "it is mounted, so no other file can take its place")

    def is_free(self, place: str) -> bool:
        """Whether the file has no such variable."""
        return _value(self._lines(place), _name(place)) is None

    def put(self, place: str, entry: SecretEntry, *, overwrite: bool, pending: bool) -> None:
        """Set the variable, in a file that is written whole."""
        name = _name(place) + _PENDING * pending
        with self._alone(place):
            lines = self._lines(place)
            old = _value(lines, name)
            if old not in (None, entry.cleartext) and not (overwrite or pending):
                raise SecretStoreError(place, "there is something already")
            self._write(place, _with(lines, name, entry.cleartext))

    def get(self, place: str, *, pending: bool = False) -> str:
        """The variable's value."""
        found = _value(self._lines(place), _name(place) + _PENDING * pending)
        if found is None:
            raise SecretStoreError(place, "the file has no such variable")
        return found

    def promote(self, place: str, key_id: str) -> None:
        """Rename the pending variable, if it is still there."""
        name = _name(place)
        with self._alone(place):
            lines = self._lines(place)
            if (found := _value(lines, name + _PENDING)) is not None:
                self._write(place, _with(_with(lines, name, found), name + _PENDING, None))

    @contextmanager
    def _alone(self, place: str) -> Generator[None]:
        """Keep others from writing the file meanwhile: theirs would not have this secret."""
        try:
            make_folder(self._path.parent)
            with _TURN.held, alone_with(self._path):
                yield
        except OSError as error:
            raise SecretStoreError(place, error.strerror or type(error).__name__) from None

    def _lines(self, place: str) -> list[str]:
        try:
            if self._path.exists() and not self._path.is_file():  # a pipe would be waited for
                raise SecretStoreError(place, NO_FILE)
            with self._path.open(encoding="utf-8") as file:
                text = file.read(_MAX_FILE + 1)
        except FileNotFoundError:
            return []
        except (OSError, ValueError) as error:
            raise SecretStoreError(place, str(error)) from None
        if len(text) > _MAX_FILE:
            raise SecretStoreError(place, f"the file is larger than {_MAX_FILE // 2**20} MiB")
        return text.splitlines()

    def _write(self, place: str, lines: list[str]) -> None:
        text = "".join(f"{line}\n" for line in lines)
        try:
            write_whole(self._path, text.encode(), self._access, overwrite=True)
        except OSError as error:
            raise SecretStoreError(place, error.strerror or type(error).__name__) from None


def _variable(text: str) -> str:
    name = _FORBIDDEN.sub("_", text)
    return f"_{name}" if name[:1].isdigit() else name


def _name(place: str) -> str:
    return place.partition("?")[0].rpartition("#")[2]


def _value(lines: list[str], name: str) -> str | None:
    """The value of the last line for a variable."""
    for line in reversed(lines):
        if (found := _LINE.fullmatch(line)) and found[1] == name:
            value = found[2].rstrip()
            if value[:1] == value[-1:] == '"' and len(value) > 1:
                return _ESCAPED.sub(r"\1", value[1:-1])
            return value[1:-1] if value[:1] == value[-1:] == "'" and len(value) > 1 else value
    return None


def _with(lines: list[str], name: str, value: str | None) -> list[str]:
    """The lines with a variable set, or, for None, without it."""
    kept: list[str] = []
    is_set = value is None
    for line in lines:
        found = _LINE.fullmatch(line)
        if found is None or found[1] != name:
            kept.append(line)
        elif not is_set:
            kept.append(_line(name, value or ""))
            is_set = True
    return kept if is_set else [*kept, _line(name, value or "")]


def _line(name: str, value: str) -> str:
    if "'" not in value:
        return f"{name}='{value}'"
    escaped = _TO_ESCAPE.sub(r"\\\1", value)
    return f'{name}="{escaped}"'
