"""Sphinx extension of this site: a reference written from docstrings, pages for machines, and a whole search."""

from __future__ import annotations

from typing import Any

from sphinx.application import Sphinx

from . import commands, fixtures, machines, reference, search


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.connect("builder-inited", reference.collect)
    app.connect("source-read", reference.expand)
    app.connect("source-read", commands.expand)
    app.connect("source-read", fixtures.expand)
    app.connect("env-get-outdated", reference.outdated)
    app.connect("env-get-outdated", commands.outdated)
    app.connect("env-updated", search.written)
    app.connect("html-page-context", machines.link)
    app.connect("build-finished", machines.write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
