"""Which module of a package imports which, read from the source."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Final

from attrs import frozen

#: The name of a package's table of names that are imported when they are first asked for.
LAZY_TABLE: Final = "_LAZY"
#: The decorator of functions that import late.
LATE_IMPORT: Final = "late_import"
#: What a block is entered with that a fork waits for.
GUARDS: Final = {"importing", "needed"}
#: Functions that import what their first argument names.
IMPORTERS: Final = {"import_module", "__import__"}
#: One that does so where a fork waits for it.
GUARDED_IMPORTER: Final = "late_attribute"


@frozen
class Module:
    """A module, as its source says.

    Attributes:
        name: Its dotted name.
        imported: The dotted names of what it imports, anywhere in its source and in any way.
            A name imported from a module that is no module itself stands for that module.
        dynamic: Lines that import something whose name the source does not say.
        unguarded: Lines that import something when a function is called, where no fork waits for it.
    """

    name: str
    imported: frozenset[str]
    dynamic: tuple[int, ...]
    unguarded: tuple[int, ...]


def modules(package: Path) -> Mapping[str, Module]:
    """Every module of a package and of its sub-packages, by dotted name."""
    paths = {_dotted(path, package.parent): path for path in sorted(package.rglob("*.py"))}
    return {name: _read(name, path, paths) for name, path in paths.items()}


def _dotted(path: Path, root: Path) -> str:
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _read(name: str, path: Path, known: Mapping[str, Path]) -> Module:
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    imported, dynamic, unguarded = _found(path.read_text(encoding="utf-8"), package)
    nearest = frozenset(_module_of(target, known) for target in imported) - {name}
    return Module(name, nearest, dynamic, unguarded)


@cache  # copies of the package differ in one module
def _found(source: str, package: str) -> tuple[frozenset[str], tuple[int, ...], tuple[int, ...]]:
    """What a module imports, and the lines that the attributes of `Module` name."""
    imported: set[str] = set()
    dynamic: list[int] = []
    has_table = False
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign | ast.AnnAssign):
            found = [_absolute(f".{entry}", package) for entry in _lazy_entries(node)]
            imported.update(found)
            has_table = has_table or bool(found)
        else:
            for target in _imports(node, package):
                if target is None:
                    dynamic.append(node.lineno)  # type: ignore[attr-defined]  # a call has one
                else:
                    imported.add(target)
    unguarded = tuple(_unguarded(tree, is_late=False))
    return frozenset(imported), () if has_table else tuple(dynamic), unguarded


def _unguarded(node: ast.AST, *, is_late: bool) -> Iterator[int]:
    """Lines in a node that import late, and neither in a `late_import` nor in a guarded block.

    Args:
        node: The node.
        is_late: Whether it is part of a function.
    """
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
        decorators = [] if isinstance(node, ast.Lambda) else node.decorator_list
        if any(ast.unparse(each) == LATE_IMPORT for each in decorators):
            return
        is_late = True
    elif isinstance(node, ast.With):
        entered = [item.context_expr for item in node.items]
        if any(isinstance(e, ast.Call) and ast.unparse(e.func) in GUARDS for e in entered):
            return
    elif is_late and (isinstance(node, ast.Import | ast.ImportFrom) or _calls(node, IMPORTERS)):
        yield node.lineno  # type: ignore[attr-defined]  # each of these has one
    for child in ast.iter_child_nodes(node):
        yield from _unguarded(child, is_late=is_late)


def _imports(node: ast.AST, package: str) -> Iterator[str | None]:
    """What a node imports; None for something that only the running program knows."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        base = _absolute("." * node.level + (node.module or ""), package)
        yield from (f"{base}.{alias.name}" for alias in node.names)
    elif isinstance(node, ast.Call) and _calls(node, {*IMPORTERS, GUARDED_IMPORTER}):
        argument = node.args[0] if node.args else None
        is_known = isinstance(argument, ast.Constant) and isinstance(argument.value, str)
        yield _absolute(argument.value, package) if is_known else None  # type: ignore[union-attr]  # checked in the line above


def _calls(node: ast.AST, functions: set[str]) -> bool:
    return isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in functions


def _lazy_entries(node: ast.Assign | ast.AnnAssign) -> Iterator[str]:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    is_table = any(isinstance(it, ast.Name) and it.id == LAZY_TABLE for it in targets)
    if is_table and isinstance(node.value, ast.Dict):
        for value in node.value.values:
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                yield value.value.lstrip(".")


def _absolute(name: str, package: str) -> str:
    bare = name.lstrip(".")
    level = len(name) - len(bare)
    if not level:
        return bare
    parts = package.split(".")
    return ".".join([*parts[: len(parts) - level + 1], *([bare] if bare else [])])


def _module_of(target: str, known: Mapping[str, Path]) -> str:
    """The module of the package that a name is in; a name of another library as it is."""
    candidate = target
    while candidate and candidate not in known:
        candidate = candidate.rpartition(".")[0]
    return candidate or target
