"""The rules of who may import whom, as docs/architecture.md states them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Final

from .imports import Module, modules

ROOT: Final = Path(__file__).parents[2]
PACKAGE: Final = ROOT / "descope_async"
_PAGE: Final = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
#: Rows of the first table, in its order: modules and packages directly below `descope_async`.
ROOMS: Final = re.findall(r"^\| `(\w+)/?` \|", _PAGE, re.MULTILINE)
#: Rows of the tables of what a private package holds.
INNER: Final = re.findall(r"^\| `((?:_\w+|errors|events|access_keys)/\w+)` \|", _PAGE, re.MULTILINE)
#: The wings: they stand on the core, and the core does not know of them.
WINGS: Final = (
    "batch",
    "compat",
    "integrations",
    "emulator",
    "testing",
    "cli",
    "pytest_plugin",
)
CORE: Final = tuple(name for name in ROOMS if name not in WINGS)
#: `to_dict` asks for the JSON names when it is called.
DOWNWARDS: Final = {("models", "_calls.wire"), ("models", "_calls.structuring")}
#: The header that names the product asks the face for its version.
FOR_THE_VERSION: Final = {"_calls"}
#: Which rooms of the core may import a library.
OWNERS: Final = {
    "jose": {"_tokens.signatures"},
    "cryptography": {"_tokens.signatures", "_tokens.proof_key"},
    "cattrs": {"_calls.structuring"},
    "aiohttp": {
        "_calls.connections",
        "_calls.connector",
        "_calls.diagnosis",
        "_calls.transport",
    },
}


def broken_rules(package: Path) -> list[str]:
    """A sentence for each import of a copy of `descope_async` that the rules do not allow."""
    found = modules(package)
    return [
        *_pointing_downwards(found),
        *_leaving_the_emulator(found),
        *_unnamed(found),
        *_circles(found),
        *_foreign_libraries(found),
    ]


def room(module: str) -> str:
    """The row of the first table that a module belongs to; empty for the package's face."""
    return module.split(".")[1] if "." in module else ""


def inside(module: str) -> str:
    """A module's name below `descope_async`."""
    return module.partition(".")[2]


def _own(imported: frozenset[str]) -> list[str]:
    return sorted(
        name for name in imported if name.split(".")[0] in {"descope_async", "descope_sync"}
    )


def _pointing_downwards(found: Mapping[str, Module]) -> Iterator[str]:
    for name, module in found.items():
        for target in _own(module.imported):
            if why := _forbidden(name, target):
                yield f"{name} imports {target}, which {why}"


def _forbidden(name: str, target: str) -> str | None:
    own, other = room(name), room(target)
    if target.startswith("descope_sync"):
        return None if own in {"cli", "pytest_plugin"} else "is generated from the core"
    if not own:
        return "is a wing" if other in WINGS else None
    if not other:
        return None if own in {*WINGS, *FOR_THE_VERSION} else "is the face of the package"
    if (inside(name), inside(target)) in DOWNWARDS:
        return None
    return "stands below it" if ROOMS.index(other) > ROOMS.index(own) else None


def _leaving_the_emulator(found: Mapping[str, Module]) -> Iterator[str]:
    for name, module in found.items():
        if room(name) == "emulator":
            for target in _own(module.imported):
                if room(target) != "emulator":
                    yield f"{name} imports {target}: the emulator reads the contract for itself"


def _unnamed(found: Mapping[str, Module]) -> Iterator[str]:
    for name, module in found.items():
        for line in module.dynamic:
            yield f"{name}:{line} imports something that the source does not name"


def _circles(found: Mapping[str, Module]) -> Iterator[str]:
    graph = {
        name: {
            target
            for target in _own(module.imported)
            if target.count(".") and (inside(name), inside(target)) not in DOWNWARDS
        }
        for name, module in found.items()
        if name.count(".")
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        yield f"a circle: {' -> '.join(error.args[1])}"


def _foreign_libraries(found: Mapping[str, Module]) -> Iterator[str]:
    for name, module in found.items():
        if room(name) not in WINGS:
            for target in sorted(module.imported):
                owners = OWNERS.get(target.split(".")[0])
                if owners is not None and inside(name) not in owners:
                    yield f"{name} imports {target}, which {', '.join(sorted(owners))} alone use"


def floors(package: Path) -> int:
    """How many modules of the core stand on each other, from the lowest to the highest."""
    found = modules(package)
    graph = {room(name): set[str]() for name in found if room(name) in CORE}
    for name, module in found.items():
        for target in _own(module.imported):
            pair = (inside(name), inside(target))
            if room(name) in graph and room(target) in graph and pair not in DOWNWARDS:
                graph[room(name)] |= {room(target)} - {room(name)}
    height: dict[str, int] = {}
    for name in TopologicalSorter(graph).static_order():
        height[name] = 1 + max((height[below] for below in graph[name]), default=0)
    return max(height.values())
