"""``descope-keys completion``: the script that lets a shell complete commands, options and ids."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import click
from click.shell_completion import get_completion_class

from .parameters import Argument


class Shell(StrEnum):
    """A shell that can complete."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


def completion(
    shell: Annotated[Shell, Argument(metavar="SHELL", help="bash, zsh or fish.")],
) -> None:
    """``descope-keys completion``."""
    all_commands = click.get_current_context().find_root().command
    found = get_completion_class(shell.value)
    assert found is not None, "Click knows these shells"  # noqa: S101 - narrows the type
    click.echo(found(all_commands, {}, "descope-keys", "_DESCOPE_KEYS_COMPLETE").source())
