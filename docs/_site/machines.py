"""The site for machines: each page as Markdown beside it, and ``llms.txt`` to find them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

from . import commands, fixtures, reference

#: What Sphinx alone understands, and what takes its place.
_REPLACED = [
    (re.compile(r"^```\{[^`]*?^```$\n?", re.MULTILINE), ""),
    (re.compile(r"^:{3,}\{py:method\} (.+)$(?:\n:[\w-]+:.*$)*", re.MULTILINE), r"#### `\1`\n"),
    (re.compile(r"^:{3,}\{py:\w+\} (.+)$(?:\n:[\w-]+:.*$)*", re.MULTILINE), r"### `\1`\n"),
    (re.compile(r"^:{3,}\{[\w-]+\} ?(.*)$(?:\n:[\w-]+:.*$)*", re.MULTILINE), r"\1\n"),
    (re.compile(r"^:{3,}$\n?", re.MULTILINE), ""),
    (re.compile(r"\{py:\w+\}`([^`<]+?)(?: <[^`>]+>)?`"), r"`\1`"),
    (re.compile(r"\n{3,}"), "\n\n"),
]
_INCLUDE = re.compile(
    r"^```\{(?P<kind>literalinclude|include)\} (?P<path>\S+)\n(?::.*\n)*```$", re.MULTILINE
)
_LINK = re.compile(r"\[([^\]]*)\]\([^)]*\)")
_TITLE = re.compile(r"^# (.+)$", re.MULTILINE)


def plain(text: str) -> str:
    """A page's Markdown without what only Sphinx understands."""
    for pattern, replacement in _REPLACED:
        text = pattern.sub(replacement, text)
    return text.strip() + "\n"


def link(app: Sphinx, name: str, template: str, context: dict[str, Any], document: object) -> None:
    """Tell in a page's head where its Markdown is."""
    del app, template
    if document is not None:
        href = name.rpartition("/")[2]
        context["metatags"] = (
            context.get("metatags", "")
            + f'\n<link rel="alternate" type="text/markdown" href="{href}.md">'
        )


def write(app: Sphinx, failure: Exception | None) -> None:
    """Write the Markdown of all pages, ``llms.txt`` and ``llms-full.txt``."""
    if failure is not None or app.builder.format != "html":
        return
    out = Path(app.outdir)
    pages = {name: plain(_expanded(app, name)) for name in app.env.found_docs}
    for name, text in pages.items():
        (out / f"{name}.md").write_text(text, encoding="utf-8")
    front = app.config.root_doc
    sections = dict(_sections(app, front))
    listed = [
        f"# {app.config.project}",
        f"> {_summary(pages[front])}",
    ]
    for caption, names in sections.items():
        entries = [
            f"- [{_title(pages[name])}]({app.config.html_baseurl}{name}.md): {_summary(pages[name])}"
            for name in names
        ]
        listed += [f"## {caption}", "\n".join(entries)]
    (out / "llms.txt").write_text("\n\n".join(listed) + "\n", encoding="utf-8")
    order = [front, *(name for names in sections.values() for name in names)]
    whole = "\n\n".join(pages[name] for name in dict.fromkeys(order))
    (out / "llms-full.txt").write_text(whole, encoding="utf-8")


def _expanded(app: Sphinx, name: str) -> str:
    """A page with its reference, or the commands, and the files that it includes.

    It is read anew, because a build reads only the pages that have changed.
    """
    page = Path(app.env.doc2path(name))
    source = [page.read_text(encoding="utf-8")]
    for expand in (reference.expand, commands.expand, fixtures.expand):
        expand(app, name, source)

    def file(match: re.Match[str]) -> str:
        text = (page.parent / match["path"]).read_text(encoding="utf-8")
        return f"```python\n{text}```" if match["kind"] == "literalinclude" else text

    return _INCLUDE.sub(file, source[0])


def _sections(app: Sphinx, front: str) -> Iterator[tuple[str, list[str]]]:
    """The captions of the sidebar, and the pages below each."""
    from sphinx.addnodes import toctree

    for tree in app.env.get_doctree(front).findall(toctree):
        yield tree["caption"], list(tree["includefiles"])


def _title(text: str) -> str:
    found = _TITLE.search(text)
    return found[1] if found else ""


def _summary(text: str) -> str:
    """The first paragraph below the title, without its links, which may be relative to its page."""
    paragraphs = [each for each in text.split("\n\n") if each[:1] not in {"#", ""}]
    return _LINK.sub(r"\1", " ".join(paragraphs[0].split())) if paragraphs else ""
