"""What the generator renames: the methods that have another name in blocking code."""

from __future__ import annotations

import re
from typing import Final

RENAMED: Final = {"aclose": "close", "__aenter__": "__enter__", "__aexit__": "__exit__"}


def renamed(text: str) -> str:
    """The text with the names that differ in blocking code."""
    return re.sub(r"\b\w+\b", lambda word: RENAMED.get(word[0], word[0]), text)


def underscored(name: str) -> str:
    """The name of a class as that of an attribute or a function."""
    return f"_{re.sub('(?<=[a-z])(?=[A-Z])', '_', name).lower()}"
