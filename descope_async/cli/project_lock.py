"""The lock of a project: `apply`, `import` and `resume` wait for nobody, and do not work at the same time."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final, cast

from descope_async._files.locks import lock, require_locks
from descope_async._files.private_folders import make_folder
from descope_async.errors import ConfigurationError

from . import moments
from .refusals import ProjectBusy
from .run_folders import state_folder

_UNSAFE: Final = re.compile(r"[^A-Za-z0-9_-]")


@contextmanager
def project_lock(project: str, command: str) -> Generator[None]:
    """Hold the lock of a project until the block ends. A process that is killed leaves no lock behind.

    Args:
        project: The project's id.
        command: The command that needs it, for the message that another process gets.

    Raises:
        ProjectBusy: Another process holds it.
        ConfigurationError: The state folder cannot be written to, or this system has no locks.
    """
    require_locks("a run over many keys")
    path = state_folder() / "locks" / f"{_UNSAFE.sub('-', project)}.lock"
    try:
        make_folder(path.parent)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be opened: {error.strerror}") from None
    try:
        try:
            lock(descriptor)
        except OSError:
            raise ProjectBusy(
                f"{_holder(path)} is changing keys of the project {project}: try again when it has ended"
            ) from None
        about = {"pid": os.getpid(), "command": command, "since": moments.iso(moments.now())}
        with suppress(OSError):  # on a full disk, others only do not learn who it is
            os.truncate(descriptor, 0)
            os.pwrite(descriptor, json.dumps(about).encode(), 0)
        yield
    finally:
        os.close(descriptor)


def _holder(path: Path) -> str:
    try:
        found: object = json.loads(path.read_text(encoding="utf-8"))
        about = cast("dict[str, Any]", found)
        return f"process {about['pid']} (descope-keys {about['command']}, since {about['since']})"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"
