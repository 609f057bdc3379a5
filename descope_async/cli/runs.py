"""Folders of runs: the journal of a change to many keys, its report, and what to go on with it needs."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Self, cast

from attrs import frozen

from descope_async.errors import ConfigurationError

from . import moments

_ABOUT: Final = "run.json"
_JOURNAL: Final = "journal"
_RESCUE: Final = "journal.rescue"


@frozen
class RunFolder:
    """A run on disk. It holds no secret, except in its rescue folder when a sink has failed.

    Attributes:
        path: The folder.
        project: The project's id.
        operation: What is done, such as ``"create"``.
        sinks: Where secrets go.
    """

    path: Path
    project: str
    operation: str
    sinks: tuple[str, ...] = ()

    @classmethod
    def new(cls, project: str, operation: str, sinks: Sequence[str]) -> Self:
        """A folder for a run that begins now, below the user's state folder.

        Raises:
            ConfigurationError: It cannot be made, or there is a run in it already.
        """
        started = datetime.fromtimestamp(moments.now(), UTC).strftime("%Y%m%d-%H%M%S")
        path = _home() / f"{started}-{operation}-{os.getpid()}"
        about = {"project": project, "operation": operation, "sinks": list(sinks)}
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            with (path / _ABOUT).open("x", encoding="utf-8") as file:
                json.dump(about, file)
        except FileExistsError:
            raise ConfigurationError(
                f"there is a run in {path} already: descope-keys resume {path}"
            ) from None
        except OSError as error:
            raise ConfigurationError(f"{path} cannot be made: {error.strerror}") from None
        return cls(path, project, operation, tuple(sinks))

    @classmethod
    def open(cls, name: str) -> Self:
        """The run of this name or path.

        Raises:
            ConfigurationError: There is none.
        """
        for path in (_home() / name, Path(name)):
            if (found := _run_in(path)) is not None:
                return cls(found.path, found.project, found.operation, found.sinks)
        names = ", ".join(each.name for each in open_runs()) or "none"
        raise ConfigurationError(f"there is no run {name!r}; there are: {names}")

    @property
    def name(self) -> str:
        """What ``resume`` calls it."""
        return self.path.name if self.path.parent == _home() else str(self.path)

    @property
    def journal(self) -> Path:
        """The journal."""
        return self.path / _JOURNAL

    @property
    def holds_rescued_secrets(self) -> bool:
        """Whether secrets are in it that no sink took."""
        return any((self.path / _RESCUE).glob("*"))

    def remove(self) -> None:
        """Remove it, after all is done."""
        shutil.rmtree(self.path)


def open_runs() -> Iterator[RunFolder]:
    """The runs in the user's state folder, the oldest first."""
    for path in sorted(_home().glob("*")):
        found = _run_in(path)
        if found is not None:
            yield found


def _home() -> Path:
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(state) / "descope-keys" / "runs"


def _run_in(path: Path) -> RunFolder | None:
    try:
        found: object = json.loads((path / _ABOUT).read_text(encoding="utf-8"))
        about = cast("dict[str, Any]", found)
        return RunFolder(path, about["project"], about["operation"], tuple(about["sinks"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None  # whatever it is, it was not made here
