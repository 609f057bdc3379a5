"""The command line, ``descope-keys``. It needs the ``[cli]`` extra."""

from __future__ import annotations

import os
import sys
from io import StringIO
from pathlib import Path


def main() -> None:
    """Run the command line, or say what to install for it."""
    try:
        _run()
    except KeyboardInterrupt:  # while modules are imported: later ones are explained in `running`
        if sys.stderr is not None:
            sys.stderr.write("descope-keys: interrupted\n")
        sys.exit(130)


def _run() -> None:
    try:
        from .app import app
        from .secret_arguments import WARNING, are_secret
    except ModuleNotFoundError as error:
        if error.name not in {"click", "rich", "yaml"}:
            raise
        sys.exit(
            "descope-keys needs its extra: pip install 'descope-async[cli]', "
            "or in a checkout pip install '.[cli]'"
        )
    import click

    from .streams import say, say_more, send_nowhere, write_any_character

    _open_what_is_closed()
    if sys.stdout is None:
        say("stdout is closed; send it to /dev/null if nobody is to read it")
        sys.exit(2)
    write_any_character()
    if are_secret(sys.argv[1:]):
        say(WARNING)
    try:
        code = app.main(prog_name="descope-keys", standalone_mode=False)
    except click.ClickException as error:
        shown = StringIO()
        error.show(shown)
        say_more(shown.getvalue().rstrip("\n"))
        code = error.exit_code
    except click.Abort:  # before a command has begun: what ends one is explained in `running`
        say("interrupted")
        code = 130
    except OSError as error:  # of help and completion: commands explain theirs
        send_nowhere(sys.stdout)
        say(error.strerror or type(error).__name__)
        code = 1
    sys.exit(code)


def _open_what_is_closed() -> None:
    """Give a closed stdin and stderr somewhere to go. Nothing is begun without stdout, where secrets may go."""
    nowhere = Path(os.devnull)
    if sys.stdin is None:
        sys.stdin = nowhere.open(encoding="utf-8")
    if sys.stderr is None:
        sys.stderr = nowhere.open("w", encoding="utf-8")
