"""The commands together: `--help` lists them, and only the one that is called is imported."""

from __future__ import annotations

from typing import Any, Final

from typer.core import TyperCommand, TyperGroup

from .changing import CHANGE
from .command import Command
from .looking import LOOK
from .manifests import MANIFEST
from .runs import RUNS
from .trying import TRY
from .using import USE

COMMANDS: Final[tuple[Command, ...]] = (*LOOK, *CHANGE, *MANIFEST, *RUNS, *USE, *TRY)


class CommandGroup(TyperGroup):
    """All commands of ``descope-keys``."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._known = {command.name: command for command in COMMANDS}
        for command in COMMANDS:
            # Enough for lists, suggestions and the completion of names.
            stub = TyperCommand(command.name, help=command.help[0], rich_markup_mode=None)
            self.add_command(stub)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command that is called, with its arguments."""
        name, command, rest = super().resolve_command(ctx, args)
        known = self._known.get(name or "")
        return name, known.build() if known else command, rest

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002 - Typer passes it
        """Write the commands by panel."""
        panels: dict[str, list[tuple[str, str]]] = {}
        for command in COMMANDS:
            panels.setdefault(command.panel, []).append((command.name, command.help[0]))
        for panel, rows in panels.items():
            with formatter.section(panel):
                formatter.write_dl(rows)
