"""The fixtures of the pytest plugin, listed from the plugin itself."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

from sphinx.application import Sphinx

from descope_async import pytest_plugin

from .docstrings import cell

_PAGE, _PLACE = "reference/testing", "<!-- fixtures -->"


def expand(_: Sphinx, page: str, source: list[str]) -> None:
    """Put the table of fixtures into its place."""
    if page == _PAGE:
        source[0] = source[0].replace(_PLACE, "\n".join(table()))


def table() -> Iterator[str]:
    """The lines of the table."""
    yield from ("| fixture | what it is |", "| --- | --- |")
    for name, found in vars(pytest_plugin).items():
        if type(found).__name__ == "FixtureFunctionDefinition":
            meaning = cell(inspect.getdoc(found) or "", lambda each: f"`{each}`")
            yield f"| `{name}` | {meaning} |"
