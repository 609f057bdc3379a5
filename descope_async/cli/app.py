"""The command line: its options, and its commands."""

from __future__ import annotations

import click
from click.shell_completion import CompletionItem

from .catalogue.group import CommandGroup


def _version(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted and not context.resilient_parsing:
        from descope_async import __version__

        click.echo(f"descope-keys {__version__}")
        context.exit()


def _profiles(context: click.Context, _: click.Parameter, begun: str) -> list[CompletionItem[str]]:
    from .completion import profiles

    return [CompletionItem(name) for name, _about in profiles(context, begun)]


@click.group(
    "descope-keys",
    cls=CommandGroup,
    invoke_without_command=True,
    epilog=(
        "descope-keys COMMAND -h shows what a command takes, with examples.\n\n"
        "The exit codes are described in docs/reference/command-line.md."
    ),
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.option(
    "--profile",
    "-p",
    envvar="DESCOPE_PROFILE",
    show_envvar=True,
    metavar="NAME",
    shell_complete=_profiles,
    help="A profile of ~/.config/descope-keys/profiles.toml; the environment without one.",
)
@click.option("--verbose", "-v", is_flag=True, help="Show the ids of requests with errors.")
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_version,
    help="Show the version.",
)
@click.pass_context
def app(context: click.Context, profile: str | None, verbose: bool) -> None:
    """Descope access keys on the command line.

    DESCOPE_PROJECT_ID and DESCOPE_MANAGEMENT_KEY say which project, unless a profile does.
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help())
        context.exit(2)
    from .running import Run, start

    start(Run(profile, verbose))
