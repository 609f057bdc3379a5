"""The command line, ``descope-keys``. It needs the ``[cli]`` extra."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import NoReturn


def main() -> None:
    """Run the command line, or say what to install for it."""
    try:
        from .app import app
        from .secret_arguments import warn_of_secrets
    except ModuleNotFoundError as error:
        if error.name not in {"click", "rich", "yaml"}:
            raise
        sys.exit(
            "descope-keys needs its extra: pip install 'descope-async[cli]', "
            "or in a checkout pip install '.[cli]'"
        )
    _open_what_is_closed()
    warn_of_secrets(sys.argv[1:])
    import click

    try:
        code = app.main(prog_name="descope-keys", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except click.Abort:  # before a command has begun: what ends one is explained in `running`
        sys.stderr.write("descope-keys: interrupted\n")
        code = 130
    except OSError as error:  # of help and completion: commands explain theirs
        _leave(error)
    sys.exit(code)


def _open_what_is_closed() -> None:
    """Give a closed stdin and stderr somewhere to go, and refuse a closed stdout.

    Results and revealed secrets go to stdout, so nothing is begun without it.
    """
    nowhere = Path(os.devnull)
    if sys.stdin is None:
        sys.stdin = nowhere.open(encoding="utf-8")
    if sys.stderr is None:
        sys.stderr = nowhere.open("w", encoding="utf-8")
    if sys.stdout is None:
        sys.stderr.write(
            "descope-keys: stdout is closed; send it to /dev/null if nobody is to read it\n"
        )
        sys.exit(2)


def _leave(error: OSError) -> NoReturn:
    from .running import write_no_more

    write_no_more()
    sys.exit(f"descope-keys: {error.strerror or type(error).__name__}")
