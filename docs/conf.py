"""Settings of the documentation site."""

from __future__ import annotations

from importlib.metadata import version as version_of

project = "descope-async"
author = "the descope-async authors"
copyright = "2026, the descope-async authors"  # noqa: A001 - Sphinx's name
release = version = version_of("descope-async")

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
]
html_theme = "furo"
html_title = f"descope-async {release}"
exclude_patterns = ["_build", "changes"]
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3
autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_class_signature = "separated"
nitpick_ignore_regex = [
    # No inventories of other projects: the site builds without a network.
    (r"py:.*", r"(?!descope_).*"),
    (
        r"py:.*",
        r"descope_(async|sync)\.(?!(client|errors|models|access_keys)\b|config\.Timeouts).*",
    ),
    (r"py:obj", r".*"),
]
