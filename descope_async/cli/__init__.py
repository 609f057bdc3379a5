"""The command line, ``descope-keys``. It needs the ``[cli]`` extra."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line, or say what to install for it."""
    try:
        from .app import app
        from .secret_arguments import warn_of_secrets
    except ModuleNotFoundError as error:
        if error.name not in {"typer", "rich", "yaml"}:
            raise
        sys.exit(
            "descope-keys needs its extra: pip install 'descope-async[cli]', "
            "or in a checkout pip install '.[cli]'"
        )
    warn_of_secrets(sys.argv[1:])
    app(prog_name="descope-keys")
