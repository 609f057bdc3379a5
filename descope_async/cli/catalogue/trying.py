"""The commands with which one tries things out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from .command import Command

_PANEL: Final = "Try things out"


def _emulator() -> Callable[..., None]:
    from descope_async.cli.trying import emulator

    return emulator


def _demo() -> Callable[..., None]:
    from descope_async.cli.trying import demo

    return demo


def _completion() -> Callable[..., None]:
    from descope_async.cli.shell_scripts import completion

    return completion


TRY: Final = (
    Command(
        "emulator",
        _PANEL,
        _emulator,
        (
            "Run a local Descope until Ctrl-C.",
            (
                "It prints the variables that lead clients to it, and, on a terminal, a line for each"
                " request. Tests steer its clock and more at /emulator/, with DESCOPE_EMULATOR_TOKEN."
            ),
        ),
        {
            "descope-keys emulator": "a local Descope on a free port",
            "descope-keys emulator --data descope.db --port 8400": "one that remembers, at the same address",
        },
    ),
    Command(
        "demo",
        _PANEL,
        _demo,
        (
            "Do everything that access keys can do, and say how it went.",
            "First async and then blocking, on a local Descope unless --base-url names another.",
        ),
        {
            "descope-keys demo": "on a local Descope, which is started for it",
            "descope-keys demo --base-url https://api.descope.com": "on your project; it removes what it makes",
        },
    ),
    Command(
        "completion",
        "Set up your shell",
        _completion,
        (
            "Write the script that lets a shell complete what you type.",
            "It completes commands, options, and the ids of access keys with their names.",
        ),
        {
            'eval "$(descope-keys completion bash)"': "bash: put this line into ~/.bashrc",
            'eval "$(descope-keys completion zsh)"': "zsh: put this line into ~/.zshrc, after compinit",
            "descope-keys completion fish > ~/.config/fish/completions/descope-keys.fish": "fish: once",
        },
    ),
)
