"""The page of the command line, written from the commands themselves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

from descope_async.cli.catalogue.group import COMMANDS
from descope_async.cli.exit_codes import MEANINGS

_PAGE = "reference/command-line"
_COMMANDS, _EXIT_CODES = "<!-- commands -->", "<!-- exit codes -->"


def expand(_: Sphinx, page: str, source: list[str]) -> None:
    """Put commands and exit codes into their places."""
    if page == _PAGE:
        text = source[0].replace(_COMMANDS, "\n".join(commands()))
        source[0] = text.replace(_EXIT_CODES, "\n".join(exit_codes()))


def outdated(app: Sphinx, env: BuildEnvironment, *changed: set[str]) -> list[str]:
    """This page: commands may have changed when it has not."""
    del app, env, changed
    return [_PAGE]


def exit_codes() -> Iterator[str]:
    """The lines of the table of exit codes."""
    yield from ("| code | it means |", "| --- | --- |")
    yield from (f"| {int(code)} | {meaning} |" for code, meaning in MEANINGS.items())


def commands() -> Iterator[str]:
    """The lines about all commands, by group."""
    panel = ""
    for command in COMMANDS:
        if command.panel != panel:
            panel = command.panel
            yield from (f"## {panel}", "")
        found = command.build()
        yield from (f"### {command.name}", "", "\n\n".join(command.help), "", "```sh")
        for line, purpose in command.examples.items():
            yield from (f"# {purpose}", line)
        yield from ("```", "", *_parameters(found), "")


def _parameters(command: Any) -> Iterator[str]:
    yield from ("| argument or option | what it is |", "| --- | --- |")
    for parameter in command.params:
        if parameter.param_type_name == "argument":
            yield f"| `{parameter.metavar or parameter.name.upper()}` | {parameter.help or ''} |"
        elif parameter.name != "help":
            names = ", ".join(f"`{name}`" for name in parameter.opts)
            metavar = (
                "" if parameter.is_flag or not parameter.metavar else f" `{parameter.metavar}`"
            )
            yield f"| {names}{metavar} | {_shown(parameter)} |"


def _shown(parameter: Any) -> str:
    text = (parameter.help or "").replace("|", "\\|")
    default = parameter.default
    if parameter.is_flag or parameter.required or default in (None, "", (), []):
        return text
    return f"{text} Default: `{getattr(default, 'value', default)}`."
