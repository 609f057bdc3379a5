"""Where the documentation is that errors lead to."""

from __future__ import annotations

import os
import sysconfig
from pathlib import Path
from typing import Final

#: The address of the published site, and None until there is one. The site itself asks for it, too.
SITE: Final[str | None] = None


def address(page: str, anchor: str) -> str:
    """The address of a place in a page, such as ``reference/errors``.

    The environment variable ``DESCOPE_DOCS_URL`` names a site that has the pages. Without one it is
    the page's file: a checkout has the pages in ``docs``, and a wheel installs them where the
    documentation of packages is.
    """
    if site := os.environ.get("DESCOPE_DOCS_URL") or SITE:
        return f"{site.rstrip('/')}/{page}.html#{anchor}"
    checkout = Path(__file__).resolve().parents[2] / "docs"
    installed = Path(sysconfig.get_path("data")) / "share/doc/descope-async"
    pages = checkout if (checkout / "conf.py").is_file() else installed
    return f"{(pages / page).as_uri()}.md#{anchor}"
