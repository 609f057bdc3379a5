"""Every module that users may import says what is in it, and the reference has it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.api.snapshot import PACKAGES, ROOT, names_of

#: What is run or loaded by name, and never imported by users.
NOT_IMPORTED: Final = (
    "descope_async.cli",  # a program: `descope-keys --help` and its page say what it has
    "descope_async.pytest_plugin",  # pytest loads it; its fixtures are its names
    "descope_sync.integrations.django.apps",  # Django loads these
    "descope_sync.integrations.django.checks",
    "descope_sync.integrations.django.management",
)
REFERENCE: Final = "\n".join(
    page.read_text(encoding="utf-8") for page in sorted((ROOT / "docs/reference").glob("*.md"))
)


def public_modules(root: Path = ROOT) -> Iterator[tuple[str, Path]]:
    for package in PACKAGES:
        for path in sorted((root / package).rglob("*.py")):
            parts = path.relative_to(root).with_suffix("").parts
            name = ".".join(parts).removesuffix(".__init__")
            is_private = any(part.startswith("_") for part in name.split("."))
            if not is_private and not f"{name}.".startswith(
                tuple(f"{each}." for each in NOT_IMPORTED)
            ):
                yield name, path


MODULES: Final = dict(public_modules())


@pytest.mark.parametrize("module", MODULES)
def test_a_module_says_what_is_in_it(module: str) -> None:
    tree = ast.parse(MODULES[module].read_text(encoding="utf-8"))
    assert ast.get_docstring(tree)
    assert names_of(module) is not None or len(tree.body) == 1  # a package of modules


def has_place(module: str, reference: str) -> bool:
    """Whether a reference names a module, or everything that it has."""
    # `descope_sync` has the same, and the reference says so once.
    twin = module.replace("descope_sync", "descope_async")
    if any(re.search(rf"\b{re.escape(name)}\b(?!\.\w)", reference) for name in (module, twin)):
        return True
    names = names_of(module) or []
    return bool(names) and all(re.search(rf"\b{re.escape(name)}\b", reference) for name in names)


@pytest.mark.parametrize("module", MODULES)
def test_a_module_has_its_place_in_the_reference(module: str) -> None:
    assert has_place(module, REFERENCE)


def test_a_module_without_a_place_is_found() -> None:
    assert has_place("descope_async.token_source", "`TokenSource`")
    assert has_place("descope_sync.token_source", "see `descope_async.token_source`")
    assert not has_place(
        "descope_async.token_source", "`TokenSources`, descope_async.token_source.x"
    )
    assert not has_place("descope_async.verification", "`Verification` and `VerifiedKey`")
