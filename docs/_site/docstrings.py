"""Docstrings in Google's form, as Markdown."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

#: The headings of a docstring's sections.
_SECTION = re.compile(r"^(Args|Attributes|Returns|Raises|Yields):$")
_ITEM = re.compile(r"^ {4}(\**[\w.]+):\s+(.*)$")
_REFERENCE = re.compile(r"(?<!`)`([A-Za-z_][\w.]*)`(?!`)")
#: How a name in single backticks is shown.
Resolve = Callable[[str], str]


@dataclass
class Docstring:
    """A docstring in its parts.

    Attributes:
        text: What stands before the first section.
        sections: The items of each section by name: an argument's or an error's text. What returns
            has the one name "".
    """

    text: str = ""
    sections: dict[str, dict[str, str]] = field(default_factory=dict)

    def of(self, section: str) -> Mapping[str, str]:
        """The items of a section; none if there is no such section."""
        return self.sections.get(section, {})


def parse(written: str | None) -> Docstring:
    """Take a docstring apart."""
    found = Docstring()
    items: dict[str, str] | None = None
    name = ""
    text: list[str] = []
    for line in inspect.cleandoc(written or "").splitlines():
        if heading := _SECTION.match(line):
            items = found.sections.setdefault(heading[1], {})
            name = ""
        elif items is None:
            text.append(line)
        elif item := _ITEM.match(line):
            name = item[1]
            items[name] = item[2]
        elif line.strip():
            items[name] = f"{items.get(name, '')} {line.strip()}".strip()
    found.text = "\n".join(text).strip()
    return found


def markdown(text: str, resolve: Resolve) -> str:
    """A docstring's text with its names resolved, and its ``literals`` as Markdown has them."""
    text = _REFERENCE.sub(lambda match: resolve(match[1]), text)
    return "\n".join(_literal_blocks(text.replace("``", "`")))


def cell(text: str, resolve: Resolve) -> str:
    """The same for a cell of a table."""
    return markdown(" ".join(text.split()), resolve).replace("|", "\\|")


def _literal_blocks(text: str) -> Iterator[str]:
    """Lines in which a paragraph that ends in ``::`` is followed by a fence."""
    inside = expected = False
    for line in text.splitlines():
        if inside and line and not line.startswith("    "):
            yield "```\n"
            inside = False
        if expected and line.startswith("    "):
            yield "```text"
            inside, expected = True, False
        if line.endswith("::"):
            expected = True
            yield line[:-1]
        else:
            yield line.removeprefix("    ") if inside else line
    if inside:
        yield "```"
