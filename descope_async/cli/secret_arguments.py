"""Secrets that somebody wrote on the command line, where others can see them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

WARNING: Final = (
    "a secret on the command line stands in the shell's history and in the list of processes: "
    "pass it on stdin, in a file or in the environment"
)
_WORD: Final = re.compile(r"[A-Za-z0-9_.-]++")
#: What looks like this is a key or a token, perhaps behind dashes or at the end of a sentence.
_SECRET: Final = re.compile(
    r"-*+(?:K[A-Za-z0-9]{39,}+|eyJ[A-Za-z0-9_-]++(?:\.[A-Za-z0-9_-]*+){2,4}+)\.*+"
)


def are_secret(arguments: Iterable[str]) -> bool:
    """Whether one of them, or its value, is a key or a token."""
    return any(_SECRET.fullmatch(each.rpartition("=")[2]) for each in arguments)


def without_secrets(text: str) -> str:
    """A text in which no key and no token is shown, for logs that keep what a command says."""
    return _WORD.sub(_shown, text)


def _shown(word: re.Match[str]) -> str:
    return "…" if _SECRET.fullmatch(word[0]) else word[0]
