"""The lock file beside a manifest: which key each label means. It holds no secret."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final, Self, cast

from attrs import define, field

from descope_async.cli.whole_files import read_file, write_file
from descope_async.errors import ConfigurationError

_SCHEMA: Final = 1
_MOST_BYTES: Final = 64 * 1024 * 1024


@define
class LockFile:
    """The keys that labels of a manifest mean.

    Attributes:
        path: The file.
        project: The id of the project that has the keys.
        keys: Their ids by label.
    """

    path: Path
    project: str
    keys: dict[str, str] = field(factory=dict[str, str])

    @classmethod
    def beside(cls, manifest: Path, project: str) -> Self:
        """The lock file of a manifest: an empty one if there is no file.

        Raises:
            ConfigurationError: It cannot be used, or is of another project.
        """
        return cls.open(manifest.with_name(f"{manifest.stem}.lock.json"), project)

    @classmethod
    def open(cls, path: Path, project: str) -> Self:
        """The lock file at a path: an empty one if there is no file.

        Raises:
            ConfigurationError: It cannot be used, or is of another project.
        """
        if not os.path.lexists(path):
            return cls(path, project)
        data = read_file(path, _MOST_BYTES)
        try:
            found: object = json.loads(data)
        except (ValueError, RecursionError):
            raise ConfigurationError(
                f"{path} is no JSON: bring it back from version control, or see descope-keys import --help"
            ) from None
        about: Mapping[str, Any] = (
            cast("Mapping[str, Any]", found) if isinstance(found, dict) else dict[str, Any]()
        )
        keys: object = about.get("keys")
        if about.get("schema") != _SCHEMA or not _is_text_by_text(keys):
            raise ConfigurationError(f"{path} is no lock file of version {_SCHEMA}")
        if about.get("project") != project:
            raise ConfigurationError(
                f"{path} is of the project {about.get('project')}, not of {project}: "
                "each project needs a manifest of its own"
            )
        return cls(path, project, dict(cast("Mapping[str, str]", keys)))

    def label_of(self, key_id: str) -> str | None:
        """The label that means a key; None for none."""
        return next((label for label, each in self.keys.items() if each == key_id), None)

    def set(self, ids: Mapping[str, str], *, without: Iterable[str] = ()) -> None:
        """Let labels mean other keys, forget some, and write the file whole if that changes it.

        Raises:
            ConfigurationError: It cannot be written. The old file is as it was.
        """
        changed = {**self.keys, **ids}
        for label in without:
            changed.pop(label, None)
        if changed == self.keys:
            return
        self.keys = changed
        self._write()

    def _write(self) -> None:
        about = {
            "schema": _SCHEMA,
            "project": self.project,
            "keys": dict(sorted(self.keys.items())),
        }
        write_file(self.path, json.dumps(about, indent=2) + "\n")


def _is_text_by_text(found: object) -> bool:
    if not isinstance(found, dict):
        return False
    members = cast("dict[str, object]", found)
    return all(isinstance(each, str) and each for each in members.values())
