"""``exec:COMMAND``: a program that takes each secret on its standard input."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from typing import Final

from descope_async._files.paths import with_home
from descope_async.errors import ConfigurationError

from ._errors import SecretStoreError
from ._store import SecretEntry
from ._template import Template

_SECONDS: Final = 60.0
_LONGEST_SAID: Final = 300


class CommandStore:
    """A program that is run once for each secret, without a shell.

    It finds the secret on its standard input, and about the key, in its environment,
    ``DESCOPE_KEY_ID``, ``DESCOPE_KEY_NAME``, ``DESCOPE_KEY_LABEL``, ``DESCOPE_KEY_FINGERPRINT``
    and ``DESCOPE_KEY_PENDING`` (``1`` for the successor of a key that still works, else ``0``). It
    must have kept the secret when it exits with status 0. It cannot be read from.

    Args:
        location: The command with its arguments, in which ``{id}`` and ``{label}`` may stand.
    """

    def __init__(self, location: str) -> None:
        try:
            words = shlex.split(location)
        except ValueError as error:
            raise ConfigurationError(f"exec:{location}: {error}") from None
        if not words:
            raise ConfigurationError("exec: names no command")
        self._location = location
        self._words = [Template(with_home(word), str) for word in words]

    def place(self, key_id: str, label: str) -> str:
        """The command and the key's id."""
        return f"exec:{self._location}#{key_id}"

    def check(self, keys: int) -> None:
        """See whether there is such a program. It is not run: that could have an effect."""
        program = self._words[0].text
        if shutil.which(program) is None:
            raise SecretStoreError(f"exec:{self._location}", f"there is no program {program}")

    def is_free(self, place: str) -> bool:
        """Whether nothing is there: that cannot be known."""
        return True

    def put(self, place: str, entry: SecretEntry, *, overwrite: bool, pending: bool) -> None:
        """Run the program, and wait until it has ended well."""
        about = {
            "ID": entry.key_id,
            "NAME": entry.name,
            "LABEL": entry.label,
            "FINGERPRINT": entry.fingerprint,
            "PENDING": str(int(pending)),
        }
        try:
            done = subprocess.run(  # noqa: S603 - the user's own command
                [word.fill(entry.key_id, entry.label) for word in self._words],
                input=entry.cleartext.encode(),
                env={**os.environ, **{f"DESCOPE_KEY_{name}": each for name, each in about.items()}},
                capture_output=True,
                timeout=_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise SecretStoreError(place, f"it did not end within {_SECONDS:g} seconds") from None
        except (OSError, ValueError) as error:
            raise SecretStoreError(place, str(error)) from None
        if done.returncode:
            # What it printed may hold the secret.
            said = done.stderr.decode(errors="replace").replace(entry.cleartext, "…").strip()
            why = f": {said[-_LONGEST_SAID:]}" if said else ""
            raise SecretStoreError(place, f"it ended with status {done.returncode}{why}")

    def get(self, place: str, *, pending: bool = False) -> None:
        """The secret: never, since a command only takes it."""
        return

    def promote(self, place: str, key_id: str) -> None:
        """Do nothing: the program has the secret already."""
