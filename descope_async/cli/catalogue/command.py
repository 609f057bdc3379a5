"""A command: what `--help` says about it without importing it, and the command itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import typer
from typer.core import TyperCommand

_INDENT = "  "


class Command(NamedTuple):
    """A command of ``descope-keys``.

    Attributes:
        name: What one types.
        panel: The group of commands that ``--help`` shows it in.
        load: Imports what it does.
        help: What ``--help`` says, by paragraph; the first one stands in the list of commands too.
        examples: Two or more command lines, each with what it does.
        settings: Settings of its context.
    """

    name: str
    panel: str
    load: Callable[[], Callable[..., None]]
    help: tuple[str, ...]
    examples: Mapping[str, str]
    settings: Mapping[str, Any] = {}

    def build(self) -> TyperCommand:
        """The command with its arguments and options."""
        alone = typer.Typer(
            add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False
        )
        alone.command(
            self.name,
            cls=CommandWithExamples,
            help="\n\n".join(self.help),
            epilog="\n".join(f"# {purpose}\n{line}" for line, purpose in self.examples.items()),
            context_settings={"help_option_names": ["-h", "--help"], **self.settings},
        )(self.load())
        found: Any = typer.main.get_command(alone)
        return found  # type: ignore[no-any-return]


class CommandWithExamples(TyperCommand):
    """A command whose help ends in examples, each on a line that can be copied."""

    def format_epilog(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002 - Typer passes it
        """Write the examples as they are."""
        with formatter.section("Examples"):
            for line in (self.epilog or "").splitlines():
                formatter.write(f"{_INDENT}{line}\n")
