"""The pinned versions of CI are those that ``pyproject.toml`` allows, each with its hashes."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PINNED = re.compile(
    r"^(?P<requirement>[^\s#][^\\]*?) \\\n(?P<hashes>(?: +--hash=\S+(?: \\)?\n)+)", re.MULTILINE
)


def wanted() -> Iterator[Requirement]:
    project = PYPROJECT["project"]
    groups = [project["dependencies"], *project["optional-dependencies"].values()]
    for line in [*groups, *PYPROJECT["dependency-groups"].values()]:
        for each in line:
            if isinstance(each, str) and not each.startswith(project["name"]):
                yield Requirement(each)


def pins(file: str) -> dict[str, Requirement]:
    """What a file pins for the Python that runs this."""
    found = {}
    for match in PINNED.finditer((ROOT / ".ci" / file).read_text()):
        requirement = Requirement(match["requirement"])
        if requirement.marker is None or requirement.marker.evaluate():
            found[requirement.name] = requirement
    return found


@pytest.mark.parametrize("requirement", {str(each): each for each in wanted()}.values(), ids=str)
def test_every_dependency_is_pinned_at_a_version_that_is_allowed(requirement: Requirement) -> None:
    pin = pins("constraints.txt").get(requirement.name)
    assert pin, f"{requirement.name} is not pinned: run `nox -s constraints`"
    (exact,) = pin.specifier
    assert exact.operator == "=="
    assert requirement.specifier.contains(exact.version), "run `nox -s constraints`"


@pytest.mark.parametrize("file", ["constraints.txt", "nox.txt"])
def test_everything_has_hashes_and_no_index_is_named(file: str) -> None:
    text = (ROOT / ".ci" / file).read_text()
    lines = [line for line in text.splitlines() if line and line[0] not in " #"]
    assert len(lines) == len(PINNED.findall(text)) > 4
    assert "://" not in text
    assert not re.search(r"^-", text, re.MULTILINE)  # such as --index-url
