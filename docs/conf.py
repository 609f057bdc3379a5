"""Settings of the documentation site."""

from __future__ import annotations

import sys
from importlib.metadata import version as version_of
from pathlib import Path

from descope_async.errors._help_url import SITE

sys.path.insert(0, str(Path(__file__).parent))  # for _site
# `compat` would show the official SDK's exceptions in the place of its own, where that is installed.
sys.modules["descope"] = None  # type: ignore[assignment]  # so Python marks what cannot be imported

project = "descope-async"
author = "the descope-async authors"
copyright = "2026, the descope-async authors"  # noqa: A001 - Sphinx's name
release = version = version_of("descope-async")

extensions = [
    "myst_parser",
    "sphinx_copybutton",
    "sphinx_design",
    "_site",
]
html_theme = "furo"
html_title = "descope-async"
html_baseurl = SITE or ""
html_copy_source = False  # each page is beside itself as Markdown
html_static_path = ["_static"]
html_css_files = ["site.css"]
# Deferred, so that it runs after Sphinx's search has been defined, and before that begins.
html_js_files = [("search_words.js", {"defer": "defer"})]
exclude_patterns = ["_build", "_site", "changes"]
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3
python_maximum_signature_line_length = 80
python_use_unqualified_type_names = True
toc_object_entries_show_parents = "hide"
nitpick_ignore_regex = [
    (r"py:.*", r"(?!descope_).*"),  # no inventories: the site builds without a network
]
