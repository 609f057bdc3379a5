"""A command: what `--help` says about it without importing it, and the command itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import click

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

    def build(self) -> click.Command:
        """The command with its arguments and options."""
        from descope_async.cli.parameters import parameters_of

        function = self.load()
        return CommandWithExamples(
            self.name,
            params=parameters_of(function),
            callback=function,
            help="\n\n".join(self.help),
            epilog="\n".join(f"# {purpose}\n{line}" for line, purpose in self.examples.items()),
            context_settings={"help_option_names": ["-h", "--help"], **self.settings},
        )


class CommandWithExamples(click.Command):
    """A command whose help ends in examples, each on a line that can be copied."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the arguments, and then the options."""
        from descope_async.cli.parameters import DescribedArgument

        described = [each for each in self.params if isinstance(each, DescribedArgument)]
        if described:
            with formatter.section("Arguments"):
                formatter.write_dl([(f"{each.metavar}", each.description) for each in described])
        super().format_options(ctx, formatter)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - Click passes it
        """Write the examples as they are."""
        with formatter.section("Examples"):
            for line in (self.epilog or "").splitlines():
                formatter.write(f"{_INDENT}{line}\n")
