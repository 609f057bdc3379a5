"""A module of the core, read as text and as a tree."""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Final, NoReturn

from .renames import renamed

Function = ast.FunctionDef | ast.AsyncFunctionDef

_NOT_NEUTRAL: Final = re.compile(r"\b(?:await|async|asyncio)\b", re.IGNORECASE)


class Refused(Exception):
    """Something of the core cannot be carried over; the message starts with file and line."""


@dataclass
class Source:
    """A module of the core, as text and as a tree."""

    path: Path
    name: str
    tree: ast.Module = field(init=False)
    text: str = field(init=False)

    def __post_init__(self) -> None:
        self.text = self.path.read_text(encoding="utf-8")
        self.tree = ast.parse(self.text, self.name)
        self._imported = dict(self._imports(self.tree.body))
        self._defined = set(self._definitions())

    def refuse(self, node: ast.AST, why: str) -> NoReturn:
        """Give up on something."""
        raise Refused(f"descope_async/{self.name}:{getattr(node, 'lineno', 1)}: {why}")

    def segment(self, node: ast.AST) -> str:
        """The text of a part of the tree."""
        return ast.get_source_segment(self.text, node) or self.refuse(node, "has no source text")

    def docstring(self, node: ast.Module | ast.ClassDef | Function) -> str | None:
        """A docstring with its quotes, or None."""
        written = ast.get_docstring(node)
        if written is None:
            return None
        if found := _NOT_NEUTRAL.search(written):
            self.refuse(node, f"the docstring says {found[0]!r}, but serves blocking code too")
        return renamed(self.segment(node.body[0]))

    def constant(self, name: str) -> Iterable[str]:
        """The strings of a list, or the keys of a dict, at the top of the module."""
        for node in self.tree.body:
            match node:
                case ast.Assign(targets=[ast.Name(id=bound)], value=value):
                    pass
                case ast.AnnAssign(target=ast.Name(id=bound), value=ast.expr() as value):
                    pass
                case _:
                    continue
            if bound == name:
                return list(ast.literal_eval(value))
        return self.refuse(self.tree, f"there is no {name}")

    def import_of(self, name: ast.Name) -> str | None:
        """The statement that makes a name mean elsewhere what it means here; None for builtins."""
        if found := self._imported.get(name.id):
            return found
        if name.id in self._defined:
            if name.id.startswith("_"):
                self.refuse(name, f"{name.id} is private, so callers cannot name it")
            return f"from {self.module} import {name.id}"
        if not hasattr(builtins, name.id):
            self.refuse(name, f"{name.id} is not known at the top of the module")
        return None

    @property
    def module(self) -> str:
        """The dotted name of the module."""
        path = PurePosixPath("descope_async", self.name).with_suffix("")
        return ".".join(path.parts).removesuffix(".__init__")

    def _imports(self, body: Iterable[ast.stmt]) -> Iterator[tuple[str, str]]:
        package = ["descope_async", *PurePosixPath(self.name).parent.parts]
        for node in body:
            match node:
                case ast.If():  # TYPE_CHECKING
                    yield from self._imports(node.body)
                case ast.Import():
                    for alias in node.names:
                        bound = alias.asname or alias.name.partition(".")[0]
                        yield bound, f"import {ast.unparse(alias)}"
                case ast.ImportFrom():
                    above = package[: len(package) - node.level + 1] if node.level else []
                    origin = ".".join([*above, *filter(None, [node.module])])
                    for alias in node.names:
                        line = f"from {origin} import {ast.unparse(alias)}"
                        yield alias.asname or alias.name, line
                case _:
                    pass

    def _definitions(self) -> Iterator[str]:
        for node in self.tree.body:
            match node:
                case ast.ClassDef(name=name) | ast.FunctionDef(name=name):
                    yield name
                case (
                    ast.Assign(targets=[ast.Name(id=name)])
                    | ast.AnnAssign(target=ast.Name(id=name))
                ):
                    yield name
                case _:
                    pass


def fallback(holder: ast.Module | ast.ClassDef) -> ast.FunctionDef | None:
    """What a module or class says of a name that it does not have, unseen by type checkers."""
    for item in holder.body:
        match item:
            case ast.If(
                test=ast.UnaryOp(op=ast.Not(), operand=ast.Name(id="TYPE_CHECKING")),
                body=[ast.FunctionDef(name="__getattr__") as function],
                orelse=[],
            ):
                return function
            case _:
                pass
    return None


def outer(node: ast.expr) -> str:
    """The name before the brackets of an annotation; empty for one without."""
    if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name):
        return node.value.id
    return ""
