"""The plan before a change, and the question whether to carry it out."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated

import descope_async
from descope_async.errors import ConfigurationError

from . import output
from .parameters import Option
from .running import Run
from .standard_input import answer
from .streams import say, say_more

Yes = Annotated[bool, Option("--yes", "-y", help="Do it without asking.")]
DryRun = Annotated[bool, Option("--dry-run", help="Show the plan, and change nothing.")]
MaxChanges = Annotated[
    int, Option(help="Refuse to change more keys than this.", min=1, metavar="COUNT")
]
DEFAULT_MAX = 50
#: Lines of a plan that are shown.
_SHOWN = 20


def agreed(
    run: Run,
    client: descope_async.DescopeClient,
    action: str,
    lines: Sequence[str],
    *,
    yes: bool,
    dry_run: bool,
    max_changes: int,
) -> bool:
    """Show the plan, and ask. Whether the change is to be made.

    Args:
        run: The command's run.
        client: The client that will make it.
        action: What is done, such as ``"deactivate"``.
        lines: A line for each key.
        yes: Whether to go on without asking.
        dry_run: Whether to show the plan only.
        max_changes: How many keys may be changed.

    Raises:
        ConfigurationError: There are too many keys, or nobody can be asked.
    """
    count = len(lines)
    keys = f"{count} access key{'' if count == 1 else 's'}"
    say(f"{action} {keys} of {run.where(client)}")
    for line in lines[:_SHOWN]:
        say_more(f"  {output.printable(line)}")
    if count > _SHOWN:
        say_more(f"  and {count - _SHOWN} more")
    if not dry_run:
        consent(client, count, yes=yes, max_changes=max_changes)
    elif count > max_changes:
        say(f"{_too_many(count, max_changes)}, so this would be refused")
    return not dry_run


def consent(
    client: descope_async.DescopeClient, count: int, *, yes: bool, max_changes: int
) -> None:
    """Ask whether so many keys are to be changed, after a plan has been shown.

    Args:
        client: The client that will change them.
        count: How many they are.
        yes: Whether to go on without asking.
        max_changes: How many keys may be changed.

    Raises:
        ConfigurationError: There are too many keys, nobody can be asked, or the answer is another one.
    """
    if count > max_changes:
        raise ConfigurationError(f"{_too_many(count, max_changes)}: nothing was changed")
    if yes:
        return
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise ConfigurationError(
            "nobody can be asked here: add --yes, or --dry-run to see the plan"
        )
    wanted = f"{client.project_id} {count}"
    typed = answer(f"Type {wanted!r} to go on")
    if typed.split() != wanted.split():
        raise ConfigurationError("that is something else: nothing was changed")


def _too_many(count: int, most: int) -> str:
    return f"{count} keys are more than --max-changes {most}"


def line_of(key: descope_async.AccessKey) -> str:
    """How a plan names a key."""
    return f"{key.id}  {key.name}  ({output.state(key)})"
