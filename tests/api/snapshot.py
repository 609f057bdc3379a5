"""Write down the public names and signatures of both packages, from their source text.

Run as ``python tests/api/snapshot.py [--check]``: with ``--check`` it writes nothing, and fails with
a diff if the packages have something else than what was written down.

A module is public if it has ``__all__`` and no part of its path begins with an underscore. Nothing
is imported, so no extra is needed, and the result is the same on every version of Python.
"""

from __future__ import annotations

import ast
import difflib
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
PACKAGES: Final = ("descope_async", "descope_sync")
WRITTEN: Final = Path(__file__).with_name("public.txt")
WIDTH: Final = 100
_Function = ast.FunctionDef | ast.AsyncFunctionDef


class Unclear(Exception):
    """The source says its public names in a way that this script does not read."""


def file_of(module: str) -> Path | None:
    """Where a module's source is; None for a module of somebody else."""
    path = ROOT.joinpath(*module.split("."))
    found = [each for each in (path / "__init__.py", path.with_suffix(".py")) if each.is_file()]
    return found[0] if found else None


@cache
def statements(module: str) -> list[ast.stmt]:
    """A module's top level, and what it imports for type checkers only."""
    file = file_of(module)
    if file is None:
        return []
    body = ast.parse(file.read_text("utf-8")).body
    checked = [each for each in body if isinstance(each, ast.If)]
    return [*body, *(inner for each in checked for inner in each.body)]


def names_of(module: str) -> list[str] | None:
    """The names in ``__all__``, sorted; None if there is none."""
    for each in statements(module):
        if isinstance(each, ast.Assign) and ast.unparse(each.targets[0]) == "__all__":
            try:
                return sorted(ast.literal_eval(each.value))
            except ValueError:
                raise Unclear(f"{module}: __all__ must be a plain list of strings") from None
    return None


@cache
def public_modules() -> Sequence[str]:
    """Every public module of both packages, sorted."""
    paths = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]
    parts = [path.relative_to(ROOT).with_suffix("").parts for path in paths]
    modules = {".".join(each).removesuffix(".__init__") for each in parts}
    return sorted(
        module
        for module in modules
        if not any(part.startswith("_") for part in module.split("."))
        if names_of(module) is not None
    )


def origin(module: str, imported: ast.ImportFrom) -> str:
    """The module that an import statement names."""
    if not imported.level:
        return imported.module or ""
    file = file_of(module)
    package = module.split(".")
    keep = len(package) - imported.level + (file is not None and file.name == "__init__.py")
    return ".".join([*package[:keep], *(imported.module or "").split(".")]).rstrip(".")


def definition(module: str, name: str) -> tuple[str, ast.stmt | str]:
    """The module that defines a name, and its statement there.

    For what another public module, or another distribution, has: its dotted name.
    """
    for each in statements(module):
        match each:
            case ast.ClassDef(name=found) if found == name:
                return module, each
            case ast.FunctionDef(name=found) | ast.AsyncFunctionDef(name=found) if found == name:
                return module, each
            case ast.AnnAssign(target=ast.Name(id=found)) if found == name:
                return module, each
            case ast.Assign(targets=[ast.Name(id=found)]) if found == name:
                return module, each
            case ast.ImportFrom(names=aliases):
                for alias in aliases:
                    if (alias.asname or alias.name) == name:
                        source = origin(module, each)
                        if source in public_modules() or file_of(source) is None:
                            return source, f"{source}.{alias.name}"
                        return definition(source, alias.name)
            case _:
                pass
    raise Unclear(f"{module}: cannot find where {name} is defined")


def signature(function: _Function) -> Iterator[str]:
    """A function's decorators and head, over several lines if it is long."""
    for decorator in function.decorator_list:
        yield f"@{ast.unparse(decorator)}"
    word = "async def" if isinstance(function, ast.AsyncFunctionDef) else "def"
    returns = f" -> {ast.unparse(function.returns)}" if function.returns else ""
    parameters = list(parts(function.args))
    line = f"{word} {function.name}({', '.join(parameters)}){returns}"
    if len(line) <= WIDTH:
        yield line
        return
    yield f"{word} {function.name}("
    yield from (f"    {each}," for each in parameters)
    yield f"){returns}"


def parts(arguments: ast.arguments) -> Iterator[str]:
    """Each parameter, and the marks between them."""
    positional = [*arguments.posonlyargs, *arguments.args]
    missing: list[ast.expr | None] = [None] * (len(positional) - len(arguments.defaults))
    for index, (each, default) in enumerate(
        zip(positional, [*missing, *arguments.defaults], strict=True), start=1
    ):
        yield parameter(each, default)
        if index == len(arguments.posonlyargs):
            yield "/"
    if arguments.vararg:
        yield f"*{ast.unparse(arguments.vararg)}"
    elif arguments.kwonlyargs:
        yield "*"
    for each, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        yield parameter(each, default)
    if arguments.kwarg:
        yield f"**{ast.unparse(arguments.kwarg)}"


def parameter(declared: ast.arg, default: ast.expr | None) -> str:
    equals = " = " if declared.annotation else "="
    return ast.unparse(declared) + (f"{equals}{ast.unparse(default)}" if default else "")


def members(module: str, node: ast.ClassDef) -> Iterator[str]:
    """What a class has, and what it has from bases that no public module has."""
    for base in (each.id for each in node.bases if isinstance(each, ast.Name)):
        if base in (names_of(module) or ()):
            continue
        with suppress(Unclear):  # a builtin, or one of another library
            source, found = definition(module, base)
            if isinstance(found, ast.ClassDef):
                yield from members(source, without_special_methods(found))
    for each in node.body:
        match each:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) if is_public(name):
                yield from signature(each)
            case ast.AnnAssign(target=ast.Name(id=name)) if is_public(name) or has_alias(each):
                yield ast.unparse(each)
            case ast.Assign(targets=[ast.Name(id=name)]) if is_public(name):
                yield ast.unparse(each)
            case _:
                pass


def without_special_methods(base: ast.ClassDef) -> ast.ClassDef:
    """A base class without what its users write in classes of their own, such as ``__init__``."""
    body: list[ast.stmt] = [
        each
        for each in base.body
        if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef | ast.AnnAssign)
        if isinstance(each, ast.AnnAssign) or not each.name.startswith("__")
    ]
    return ast.ClassDef(base.name, base.bases, base.keywords, body, base.decorator_list)


def is_public(name: str) -> bool:
    if name.startswith("__attrs_"):
        return False
    return not name.startswith("_") or (name.startswith("__") and name.endswith("__"))


def has_alias(assigned: ast.AnnAssign) -> bool:
    """Whether a private attribute is a parameter of another name."""
    keywords = assigned.value.keywords if isinstance(assigned.value, ast.Call) else []
    return any(keyword.arg == "alias" for keyword in keywords)


def described(module: str, name: str) -> Iterator[str]:
    """The lines about one name."""
    source, found = definition(module, name)
    match found:
        case str():
            yield f"{name} = {found}"
        case ast.ClassDef():
            for decorator in found.decorator_list:
                yield f"@{ast.unparse(decorator)}"
            bases = ", ".join(map(ast.unparse, [*found.bases, *found.keywords]))
            yield f"class {name}({bases})" if bases else f"class {name}"
            yield from (f"    {line}" for line in members(source, found))
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            yield from signature(found)
        case _:
            yield ast.unparse(found)


def text() -> str:
    """All of it."""
    lines: list[str] = []
    for module in public_modules():
        lines += [f"# {module}", ""]
        for name in names_of(module) or ():
            lines += [*described(module, name), ""]
    return "\n".join(lines)


def main(arguments: list[str]) -> int:
    """Write it down, or compare; 0 when all is well, 1 for a difference, 2 for a refusal."""
    try:
        now = text()
    except Unclear as unclear:
        print(unclear, file=sys.stderr)
        return 2
    if "--check" not in arguments:
        WRITTEN.write_text(now, "utf-8")
        return 0
    before = WRITTEN.read_text("utf-8")
    if now == before:
        return 0
    names = ("written down", "in the source")
    print(
        *difflib.unified_diff(before.splitlines(), now.splitlines(), *names, "", "", 2, ""),
        sep="\n",
    )
    print(
        "The public API has changed. If it was meant to: nox -s api, or python tests/api/snapshot.py"
    )
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
