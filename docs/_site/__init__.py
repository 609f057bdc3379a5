"""Sphinx extension of this site: a reference written from docstrings, and pages for machines."""

from __future__ import annotations

from typing import Any

from sphinx.application import Sphinx

from . import commands, machines, reference


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.connect("builder-inited", reference.collect)
    app.connect("source-read", reference.expand)
    app.connect("source-read", commands.expand)
    app.connect("html-page-context", machines.link)
    app.connect("build-finished", machines.write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
