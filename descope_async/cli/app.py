"""The command line: its options, and its commands."""

from __future__ import annotations

from typing import Annotated

import typer

from .catalogue.group import CommandGroup
from .completion import profiles

app: typer.Typer = typer.Typer(
    name="descope-keys",
    cls=CommandGroup,
    no_args_is_help=True,
    rich_markup_mode=None,
    epilog=(
        "descope-keys COMMAND -h shows what a command takes, with examples.\n\n"
        "The exit codes are described in docs/reference/command-line.md."
    ),
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        from descope_async import __version__

        typer.echo(f"descope-keys {__version__}")
        raise typer.Exit


@app.callback()
def options(
    profile: Annotated[
        str | None,
        typer.Option(
            "--profile",
            "-p",
            envvar="DESCOPE_PROFILE",
            autocompletion=profiles,
            help="A profile of ~/.config/descope-keys/profiles.toml; the environment without one.",
        ),
    ] = None,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Show the ids of requests with errors.")
    ] = False,
    version: Annotated[  # noqa: ARG001 - its callback does all
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Descope access keys on the command line.

    DESCOPE_PROJECT_ID and DESCOPE_MANAGEMENT_KEY say which project, unless a profile does.
    """
    from .running import Run, start

    start(Run(profile, verbose))
