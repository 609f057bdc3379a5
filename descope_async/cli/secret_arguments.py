"""Secrets that somebody wrote on the command line, where others can see them."""

from __future__ import annotations

import re
from typing import Final

from .streams import say

#: What begins like this on a command line is a secret.
_KEY: Final = re.compile(r"K[A-Za-z0-9]{39,}")
_JWT: Final = re.compile(r"eyJ[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]*){2,4}")


def warn_of_secrets(arguments: list[str]) -> None:
    """Warn when an argument looks like a key or a token. The command is carried out all the same."""
    if any(_looks_secret(each) for each in arguments):
        say(
            "a secret on the command line stands in the shell's history and in the list of processes: "
            "pass it on stdin, in a file or in the environment"
        )


def _looks_secret(argument: str) -> bool:
    value = argument.rpartition("=")[2]
    return bool(_KEY.fullmatch(value) or _JWT.fullmatch(value))
