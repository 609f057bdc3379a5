"""Every command of ``descope-keys`` that works on a project, with its place and its examples."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import typer
from attrs import field, frozen

from . import audit, reading, token_report

LOOK: Final = "Look at access keys"
USE: Final = "Use an access key"


@frozen
class Command:
    """A command.

    Attributes:
        name: What one types.
        panel: The group of commands that ``--help`` shows it in.
        work: What it does; its docstring is its help.
        examples: Two or more command lines, each with what it does.
        settings: Settings of its context.
    """

    name: str
    panel: str
    work: Callable[..., None]
    examples: Mapping[str, str]
    settings: Mapping[str, Any] = field(factory=dict[str, Any])


COMMANDS: Final = (
    Command(
        "list",
        LOOK,
        reading.list_keys,
        {
            "descope-keys list --state active --sort name": "all active keys by name",
            "descope-keys list -q --name 'ci-*'": "the ids of the keys whose name begins with ci-",
        },
    ),
    Command(
        "show",
        LOOK,
        reading.show,
        {
            "descope-keys show K2abc": "everything about one key",
            "descope-keys list -q --tenant t1 | descope-keys show - --json": "the keys of a tenant as JSON",
        },
    ),
    Command(
        "search",
        LOOK,
        reading.search,
        {
            "descope-keys search billing": "keys in which the text occurs",
            "descope-keys search billing --json": "the same as JSON",
        },
    ),
    Command(
        "expiring",
        LOOK,
        reading.expiring,
        {
            "descope-keys expiring --within 14d": "keys that expire in the next two weeks",
            "descope-keys expiring --exit-code -q": "for a job that must fail when there are any",
        },
    ),
    Command(
        "export",
        LOOK,
        reading.export,
        {
            "descope-keys export -f csv -o keys.csv": "all keys for a spreadsheet",
            "descope-keys export -f jsonl | jq -r .name": "all keys, one a line",
        },
    ),
    Command(
        "audit",
        LOOK,
        audit.audit_command,
        {
            "descope-keys audit": "what is doubtful, with what to do",
            "descope-keys audit -f sarif --exit-code > audit.sarif": "for a build server",
        },
    ),
    Command(
        "inspect",
        USE,
        token_report.inspect_token,
        {
            "descope-keys inspect token.txt": "what a token claims",
            "pbpaste | descope-keys inspect --online": "whether it would pass",
        },
    ),
)


def register(app: typer.Typer) -> None:
    """Add the commands to an app."""
    for command in COMMANDS:
        examples = [f"{line}   {purpose}" for line, purpose in command.examples.items()]
        app.command(
            command.name,
            rich_help_panel=command.panel,
            epilog="\n\n".join(["Examples:", *examples]),
            context_settings=dict(command.settings),
        )(command.work)
