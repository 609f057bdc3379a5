"""Where the documentation is that errors lead to."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from descope_async._runtime.late_imports import late_import

if TYPE_CHECKING:
    from pathlib import Path

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
    return f"{(_folder() / page).as_uri()}.md#{anchor}"


@late_import
def _folder() -> Path:
    import sysconfig
    from pathlib import Path

    checkout = Path(__file__).resolve().parents[2] / "docs"
    installed = Path(sysconfig.get_path("data")) / "share/doc/descope-async"
    return checkout if (checkout / "conf.py").is_file() else installed
