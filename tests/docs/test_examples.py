"""Every Python block in the README and the docs runs, in order, on a local Descope."""

from __future__ import annotations

import ast
import asyncio
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt

from descope_sync.emulator import Emulator

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    page.relative_to(ROOT).as_posix()
    for page in [ROOT / "README.md", *ROOT.glob("docs/**/*.md")]
    if "_build" not in page.parts and "changes" not in page.parts
)


def blocks(page: str, language: str) -> list[tuple[int, str]]:
    """The code blocks of a page: the line where each begins, and its text."""
    tokens = MarkdownIt().parse((ROOT / page).read_text())
    return [
        (token.map[0] + 1, token.content)
        for token in tokens
        if token.type == "fence" and token.info.strip() == language and token.map
    ]


@pytest.fixture
def emulator(monkeypatch: pytest.MonkeyPatch) -> Iterator[Emulator]:
    with Emulator() as emulator:
        for name, value in emulator.environment.items():
            monkeypatch.setenv(name, value)
        yield emulator


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "python")])
@pytest.mark.usefixtures("emulator")
def test_python_blocks_run(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # some write files
    namespace: dict[str, Any] = {"__name__": "__main__"}
    for line, text in blocks(page, "python"):
        code = compile(
            "\n" * line + text, str(ROOT / page), "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
        )
        if code.co_flags & inspect.CO_COROUTINE:
            asyncio.run(eval(code, namespace))  # noqa: S307 - our own documentation
        else:
            exec(code, namespace)  # noqa: S102 - our own documentation


def test_every_page_is_looked_at() -> None:
    assert {"README.md", "docs/tutorial.md"} <= set(PAGES)
