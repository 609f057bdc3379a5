"""What ``--help`` says, and how soon."""

from __future__ import annotations

import subprocess

import click
import pytest

from descope_async.cli.catalogue.group import COMMANDS
from tests.cli.command_line import COMMAND, CommandLine


def test_every_command_is_listed_on_a_line_of_its_own(cli: CommandLine) -> None:
    done = cli.run("--help", COLUMNS="80")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert max(map(len, lines)) <= 80
    for command in COMMANDS:
        (line,) = [line for line in lines if line.startswith(f"  {command.name} ")]
        assert line.endswith(command.help[0])
        assert f"{command.panel}:" in lines
    assert "The exit codes are described in docs/reference/command-line.md." in done.stdout


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_the_help_of_a_command_ends_in_examples(cli: CommandLine, command: object) -> None:
    (known,) = [each for each in COMMANDS if each is command]
    assert len(known.examples) >= 2
    for option in ("-h", "--help"):
        done = cli.run(known.name, option, COLUMNS="80")
        assert (done.returncode, done.stderr) == (0, "")
        text, _, examples = done.stdout.partition("\nExamples:\n")
        assert max(map(len, text.splitlines())) <= 80
        for line, purpose in known.examples.items():
            assert f"  # {purpose}\n  {line}\n" in examples  # to be copied as it is


def test_the_nearest_command_is_named(cli: CommandLine) -> None:
    likely = (("lst", "list"), ("rotat", "rotate"), ("aply", "apply"))
    elsewhere = (("validate", "inspect"), ("rm", "delete"), ("help", "--help"))
    for typed, meant in likely + elsewhere:
        done = cli.run(typed)
        assert (done.returncode, f"Did you mean '{meant}'?" in done.stderr) == (2, True)
    # Older releases of Click write the option without quotes.
    assert "Did you mean --json?" in cli.run("show", "--jsn", "x").stderr.replace("'", "")


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_what_a_command_needs_is_asked_for(cli: CommandLine, command: object) -> None:
    (known,) = [each for each in COMMANDS if each is command]
    context = click.Context(known.build(), info_name=known.name)
    needed = [each for each in context.command.get_params(context) if each.required]
    usage = cli.run(known.name, "-h").stdout.partition("\n")[0].split()[3:]
    assert sum(isinstance(each, click.Argument) for each in needed) == sum(
        not word.startswith("[") for word in usage
    )
    for missing in needed:
        others = [word for each in needed if each is not missing for word in _given(each)]
        done = cli.run(known.name, *others)
        assert (done.returncode, "Error: Missing " in done.stderr) == (2, True), done.stderr
        is_argument = isinstance(missing, click.Argument)
        assert str(missing.metavar if is_argument else missing.opts[0]) in done.stderr


def _given(parameter: click.Parameter) -> list[str]:
    value = parameter.type.choices[0] if isinstance(parameter.type, click.Choice) else "1d"
    return [value] if isinstance(parameter, click.Argument) else [parameter.opts[0], value]


def test_help_names_no_limit_where_there_is_none(cli: CommandLine) -> None:
    for command in COMMANDS:
        assert "None" not in cli.run(command.name, "-h").stdout


def test_help_imports_nothing_that_it_does_not_show() -> None:
    script = "import sys, descope_async.cli.app; print(*sys.modules)"
    done = subprocess.run(
        [COMMAND[0], "-c", script], capture_output=True, text=True, check=True, timeout=90
    )
    slow = {
        "aiohttp",
        "anyio",
        "asyncio",
        "attrs",
        "cattrs",
        "jose",
        "pydantic",
        "rich.console",
        "yaml",
    }
    assert slow.isdisjoint(done.stdout.split())
