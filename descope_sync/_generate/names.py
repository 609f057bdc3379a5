"""The names that a generated module uses, and where it imports them from."""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from .facades import Facade, Twin
from .renames import underscored
from .source import Source

_ASYNC_ONLY: Final = {"AsyncIterator", "AsyncIterable", "Awaitable", "Coroutine"}


class Names:
    """The names in one module to write.

    Attributes:
        source: The module of the core.
        facade: What is to be made of it.
        homes: The blocking class of each class that has one, by the latter's name.
        own: The classes that stand in this module, by their names in the core.
        package: What the modules of descope_sync are imported from.
        exported: The statement that imports each name which is only handed on.
        imports: All statements of imports so far.
        late: Those of classes that are imported when they are first needed, by their names.
    """

    def __init__(self, core: Path, facade: Facade, homes: dict[str, Twin]) -> None:
        self.core = core
        self.facade = facade
        self.source = Source(core / facade.source, facade.source)
        self.homes = homes
        self.own = {*facade.roots, *facade.children, *facade.bases}
        self.package = "descope_sync." if "/" in facade.target else "."
        self.exported = dict(self._exports())
        self.imports = set(self.exported.values())
        self.late = dict[str, str]()

    def expression(self, node: ast.expr) -> str:
        """The text of an annotation or default, whose names are imported."""
        for part in ast.walk(node):
            if isinstance(part, ast.Name):
                if part.id in self.homes:
                    self.source.refuse(
                        part, f"{part.id} has a blocking twin, which cannot take its place here"
                    )
                if part.id in _ASYNC_ONLY:
                    self.source.refuse(part, f"{part.id} has no blocking twin")
                if part.id not in self.exported and (line := self.source.import_of(part)):
                    self.imports.add(line)
        return self.source.segment(node)

    def is_twin(self, written: ast.expr | None) -> bool:
        """Whether an annotation or a base is a class that has a blocking one."""
        return isinstance(written, ast.Name) and written.id in self.homes

    def twin(self, name: str) -> str:
        """The name of a blocking class, which is imported unless it stands here."""
        twin = self.homes[name]
        if name not in self.own:
            self.imports.add(self._import_of(twin))
        return twin.name

    def late_twin(self, name: str) -> tuple[str, str]:
        """The name of a blocking class that is imported late, and that of the function for it."""
        twin = self.homes[name]
        function = f"_import{underscored(twin.name)}"
        self.late[twin.name] = self._import_of(twin)
        self.imports |= {
            "from typing import TYPE_CHECKING",
            "from descope_async._runtime.late_imports import late_import",
        }
        return twin.name, function

    def fallback(self, function: ast.FunctionDef) -> str:
        """The text of what `fallback` found, and the imports that it needs."""
        self.imports.add("from typing import TYPE_CHECKING")
        parameters = {each.arg for each in [*function.args.args, *function.args.kwonlyargs]}
        for part in ast.walk(function):
            if isinstance(part, ast.Name) and part.id not in parameters:
                if line := self.source.import_of(part):
                    self.imports.add(line)
            elif isinstance(part, ast.Name) and part.id == "self":
                self.source.refuse(part, f"{function.name} uses self, which is another one here")
        text = textwrap.dedent(f"{' ' * function.col_offset}{self.source.segment(function)}")
        return "if not TYPE_CHECKING:\n" + textwrap.indent(text, "    ")

    def _import_of(self, twin: Twin) -> str:
        here = self.facade.target.rpartition("/")[0].replace("/", ".")
        if here and twin.module.startswith(f"{here}."):
            return f"from .{twin.module.removeprefix(f'{here}.')} import {twin.name}"
        return f"from {self.package}{twin.module} import {twin.name}"

    def _exports(self) -> Iterator[tuple[str, str]]:
        if self.facade.exports is None:
            return
        shared = Source(self.core / self.facade.exports, self.facade.exports)
        for name in shared.constant("__all__"):
            twin = self.homes.get(name)
            if twin is None or twin.name != name:
                yield name, f"from {shared.module} import {name}"
            if twin is not None and name not in self.own:
                yield twin.name, self._import_of(twin)
