"""Every Python block in the README and the docs runs, in order, on a local Descope."""

from __future__ import annotations

import sys

import pytest

from tests.docs.pages import ROOT, blocks, imported, run

PAGES = sorted(
    page.relative_to(ROOT).as_posix()
    for page in [ROOT / "README.md", *ROOT.glob("docs/**/*.md")]
    if "_build" not in page.parts and "changes" not in page.parts
)


#: What a page may need beside the extras; the session `integrations` has them.
FRAMEWORKS = {"django", "fastapi", "grpc", "httpx2", "mcp", "pydantic", "requests", "starlette"}

#: What the package's dependencies and the group `test` name themselves.
ALWAYS_THERE = {"aiohttp", "anyio", "descope", "opentelemetry", "pytest"}
OURS = {"descope_async", "descope_sync", "tests"}


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "python")])
@pytest.mark.usefixtures("emulator")
def test_python_blocks_run(page: str) -> None:
    try:
        run(page)
    except ModuleNotFoundError as error:
        if error.name not in FRAMEWORKS:
            raise
        pytest.skip(f"{error.name} is not installed")


@pytest.mark.parametrize("page", PAGES)
def test_pages_import_nothing_else(page: str) -> None:
    """Another import would fail where nothing else happens to install what it needs."""
    assert imported(page) <= sys.stdlib_module_names | OURS | ALWAYS_THERE | FRAMEWORKS


def test_every_page_is_looked_at() -> None:
    assert {"README.md", "docs/tutorial.md"} <= set(PAGES)
