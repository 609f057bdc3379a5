"""``manage.py descope_keys``: the command line ``descope-keys``, on the site's project."""

from __future__ import annotations

import os
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from descope_sync.integrations.django._settings import configured

#: What the command line reads from the environment.
_VARIABLES = {
    "PROJECT_ID": "DESCOPE_PROJECT_ID",
    "MANAGEMENT_KEY": "DESCOPE_MANAGEMENT_KEY",
    "BASE_URL": "DESCOPE_BASE_URI",
}


class Command(BaseCommand):
    """Runs ``descope-keys`` with the project of ``settings.DESCOPE``."""

    help = "Manage the access keys of the site's Descope project: manage.py descope_keys --help"

    def run_from_argv(self, argv: list[str]) -> None:
        """Pass everything after the command's name to ``descope-keys``, with its options."""
        try:
            self.execute_on(argv[2:])
        except CommandError as error:
            self.stderr.write(f"{error}")
            sys.exit(error.returncode)

    def handle(self, *arguments: str, **_: Any) -> None:
        """As from the shell, for ``call_command("descope_keys", "list")``."""
        self.execute_on(list(arguments))

    def execute_on(self, arguments: list[str]) -> None:
        """Run the command line.

        Raises:
            CommandError: Its extra is missing.
        """
        try:
            from descope_async.cli.app import app
        except ModuleNotFoundError as error:
            raise CommandError(
                "this needs an extra: pip install 'descope-async[cli]'", returncode=2
            ) from error
        found = configured()
        for name, variable in _VARIABLES.items():
            if found.get(name):
                os.environ[variable] = str(found[name])
        app(arguments, prog_name="manage.py descope_keys")
