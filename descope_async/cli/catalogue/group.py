"""The commands together: `--help` lists them, and only the one that is called is imported."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any, Final

import click

from .changing import CHANGE
from .command import Command
from .looking import LOOK
from .manifests import MANIFEST
from .runs import RUNS
from .trying import TRY
from .using import USE

COMMANDS: Final[tuple[Command, ...]] = (*LOOK, *CHANGE, *MANIFEST, *RUNS, *USE, *TRY)
#: What other tools call some of them, where the nearest name would be another one.
_ELSEWHERE: Final[Mapping[str, str]] = {
    **dict.fromkeys(("validate", "introspect", "decode"), "inspect"),
    **dict.fromkeys(("check", "status", "ping"), "doctor"),
    **dict.fromkeys(("get", "load", "describe"), "show"),
    **dict.fromkeys(("rm", "remove"), "delete"),
    **dict.fromkeys(("revoke", "disable"), "deactivate"),
    **dict.fromkeys(("add", "new"), "create"),
    **dict.fromkeys(("token", "login"), "exchange"),
    "enable": "activate",
    "ls": "list",
    "diff": "plan",
    "run": "exec",
    "help": "--help",
}


class CommandGroup(click.Group):
    """All commands of ``descope-keys``."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._known = {command.name: command for command in COMMANDS}
        for command in COMMANDS:
            # Enough for lists, suggestions and the completion of names.
            self.add_command(click.Command(command.name, help=command.help[0]))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that is called, with its arguments."""
        if args[0] not in self._known and args[0][:1].isalnum() and not ctx.resilient_parsing:
            near = difflib.get_close_matches(args[0], self._known, 1)
            meant = _ELSEWHERE.get(args[0]) or (near[0] if near else None)
            hint = f" Did you mean {meant!r}?" if meant else ""
            ctx.fail(f"There is no command {args[0]!r}.{hint}")
        name, command, rest = super().resolve_command(ctx, args)
        known = self._known.get(name or "")
        return name, known.build() if known else command, rest

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - Click passes it
        """Write the commands by panel."""
        panels: dict[str, list[tuple[str, str]]] = {}
        for command in COMMANDS:
            panels.setdefault(command.panel, []).append((command.name, command.help[0]))
        for panel, rows in panels.items():
            with formatter.section(panel):
                formatter.write_dl(rows)
