"""One blocking class."""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Iterator
from typing import Final

from .facades import Twin
from .names import Names
from .parameters import Parameters
from .renames import RENAMED, renamed, underscored
from .source import Function, fallback, outer

_ASYNC_PAIRED: Final = {"AsyncGenerator", "AbstractAsyncContextManager"}


class Class:
    """One class to write."""

    def __init__(self, names: Names, node: ast.ClassDef) -> None:
        self.names = names
        self.source = names.source
        self.parameters = Parameters(names)
        self.node = node
        self.methods = {item.name: item for item in node.body if isinstance(item, Function)}

    def render(self) -> str:
        """The text of the class."""
        self._refuse_what_is_lost()
        docstring = self.source.docstring(self.node)
        parts = [f"    {docstring}"] if docstring else []
        parts += ["\n".join(lines)] if (lines := list(self._shown_parts())) else []
        parts.append(self._constructor())
        parts += [
            "\n".join(f"    {line}" for line in self._method(function))
            for name, function in self.methods.items()
            if self._is_carried(name)
        ]
        if function := fallback(self.node):
            parts.append(textwrap.indent(self.names.fallback(function), "    "))
        bases = f"({', '.join(map(self.names.twin, self._bases))})" if self._bases else ""
        name = self.names.homes[self.node.name].name
        return f"class {name}{bases}:\n" + "\n\n".join(parts)

    @property
    def _bases(self) -> list[str]:
        """The classes that this one inherits from, by their names in the core."""
        return [base.id for base in self.node.bases if isinstance(base, ast.Name)]

    @property
    def _is_base(self) -> bool:
        """Whether other classes are constructed, which inherit from this one."""
        return self.node.name in self.names.facade.bases

    @property
    def _wrapped(self) -> str:
        """The attribute that holds the object of the core, as the class that it is here.

        A base class has one of its own, because the type of ``_async`` is that of the class itself.
        """
        return underscored(self.node.name) if self._is_base else "_async"

    def _is_carried(self, name: str) -> bool:
        if name in self.names.facade.without:
            return False
        return not name.startswith("_") or name in RENAMED or name == "__repr__"

    def _refuse_what_is_lost(self) -> None:
        if self.node.keywords or self.node.decorator_list:
            self.source.refuse(self.node, "class decorators are not carried over")
        for base in self.node.bases:
            if not self.names.is_twin(base):
                self.source.refuse(base, "only a base class with a twin is carried over")
        self._refuse_lost_members()

    def _refuse_lost_members(self) -> None:
        carried = {*RENAMED, "__init__", "__repr__", "__del__"}
        for item in self.node.body:
            if isinstance(item, Function) and item.name.startswith("__"):
                if item.name not in carried:
                    self.source.refuse(item, f"{item.name} is not carried over")
            elif isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name):
                if not self.names.is_twin(item.annotation) and not item.target.id.startswith("_"):
                    self.source.refuse(item, "a public attribute is carried over as a property")
            elif isinstance(item, ast.If) and not fallback(ast.Module([item], [])):
                self.source.refuse(item, "only __getattr__ is carried over from under an if")
            elif isinstance(item, ast.Assign):
                self.source.refuse(item, "a class attribute needs an annotation")

    @property
    def _homes(self) -> dict[str, Twin]:
        return self.names.homes

    def _constructor(self) -> str:
        name = self.node.name
        self.names.imports.add(f"from {self.source.module} import {name} as _Async{name}")
        if self._is_base:
            self.names.imports.add(f"from {self.names.package}_portal import Portal")
            return f"    {self._wrapped}: _Async{name}\n    _portal: Portal"
        if name in self.names.facade.roots:
            self.names.imports.add(f"from {self.names.package}_portal import PORTAL")
            init = self.methods.get("__init__")
            shown, passed = self.parameters.of(init) if init else ("self", "")
            made = [f"self._async = _Async{name}({passed})"]
            lines = [
                f"def __init__({shown}) -> None:",
                *(f"    {line}" for line in (hiding(init, made) if init else made)),
                "    self._portal = PORTAL",
            ]
        else:
            self.names.imports.add(f"from {self.names.package}_portal import Portal")
            lines = [
                f"def __init__(self, wrapped: _Async{name}, portal: Portal) -> None:",
                "    self._async = wrapped",
                "    self._portal = portal",
            ]
        lines += [f"    self.{underscored(base)} = self._async" for base in self._bases]
        for attribute, twin, is_shown in self._resources():
            if attribute in self._late_parts:
                continue
            annotation = "" if is_shown else f": {twin}"
            wrapped = f"{self.names.twin(twin)}(self._async.{attribute}, self._portal)"
            lines.append(f"    self.{attribute}{annotation} = {wrapped}")
        return "\n".join(f"    {line}" for line in lines)

    def _shown_parts(self) -> Iterator[str]:
        """Lines that show on the class what its objects hold, where the core does so."""
        for attribute, twin, is_shown in self._resources():
            if attribute in self._late_parts:
                self.names.imports.add("from descope_async.client._parts import late_part")
                name, function = self.names.late_twin(twin)
                made = f"made_of(self._async.{attribute}, self._portal)"
                yield f"    {attribute}: {name} = late_part({function}, lambda self, made_of: {made})"
                continue
            if not is_shown:
                continue
            self.names.imports.add("from descope_async._values.value import part")
            name = self.names.twin(twin)
            yield f"    {attribute}: {name} = part({name})"

    def _resources(self) -> Iterator[tuple[str, str, bool]]:
        """Public attributes that hold a class with a twin: name, class, and whether it is shown."""
        for item in self.node.body:
            if (
                isinstance(item, ast.AnnAssign)
                and isinstance(item.target, ast.Name)
                and isinstance(item.annotation, ast.Name)
                and not item.target.id.startswith("_")
            ):
                yield item.target.id, item.annotation.id, item.value is not None

    @property
    def _late_parts(self) -> set[str]:
        """The attributes whose part is made when it is first asked for."""
        return {
            ast.unparse(item.target)
            for item in self.node.body
            if isinstance(item, ast.AnnAssign)
            and isinstance(item.value, ast.Call)
            and ast.unparse(item.value.func) == "late_part"
        }

    def _method(self, function: Function) -> list[str]:
        decorators = {self.source.segment(each): each for each in function.decorator_list}
        is_property = decorators.pop("property", None) is not None
        is_manager = decorators.pop("asynccontextmanager", None) is not None
        for text, decorator in decorators.items():
            self.source.refuse(decorator, f"the decorator {text} is not carried over")
        shown, passed = self.parameters.of(function)
        returns, body = self._body(function, passed, is_manager=is_manager, is_property=is_property)
        lines = ["@property"] if is_property else []
        lines.append(f"def {renamed(function.name)}({shown}) -> {returns}:")
        if docstring := self.source.docstring(function):
            lines.append(f"    {docstring}")
        if self.names.facade.during and isinstance(function, ast.AsyncFunctionDef):
            body = self._during(self.names.facade.during, body)
        return [*lines, *(f"    {line}" for line in hiding(function, body))]

    def _during(self, manager: str, body: list[str]) -> list[str]:
        module, _, name = manager.rpartition(".")
        self.names.imports.add(f"from {self.names.package}{module} import {name}")
        return [f"with {name}():", *(f"    {line}" for line in body)]

    def _body(
        self, function: Function, passed: str, *, is_manager: bool, is_property: bool
    ) -> tuple[str, list[str]]:
        """The return annotation and the statements of a method."""
        written = function.returns
        if written is None:
            self.source.refuse(function, f"{function.name} has no return annotation")
        core = f"self.{self._wrapped}.{function.name}"
        through_portal = f"({core}, {passed})" if passed else f"({core})"
        is_async = isinstance(function, ast.AsyncFunctionDef)
        if function.name == "__repr__":
            # Where the core refused to be constructed, a traceback still shows this object.
            return "str", ['return repr(vars(self).get("_async", type(self)))']
        if function.name == "__aenter__":
            return self.names.expression(written), [
                f"self._portal.call{through_portal}",
                "return self",
            ]
        if is_manager or outer(written) == "AbstractAsyncContextManager":
            self.names.imports.add("from contextlib import AbstractContextManager")
            returns = f"AbstractContextManager[{self._item(written)}, bool | None]"
            return returns, [f"return self._portal.enter{through_portal}"]
        if outer(written) == "AsyncGenerator":
            if is_async and not any(isinstance(each, ast.Yield) for each in ast.walk(function)):
                self.source.refuse(function, "a generator that must first be waited for")
            self.names.imports.add("from collections.abc import Generator")
            returns = f"Generator[{self._item(written)}, None, None]"
            return returns, [f"return self._portal.iterate{through_portal}"]
        result = f"{core}({passed})" if not is_property else core
        if is_async:
            result = f"self._portal.call{through_portal}"
        if isinstance(written, ast.Name) and written.id in self._homes:
            twin = self.names.twin(written.id)
            return twin, [f"return {twin}({result}, self._portal)"]
        returns = self.names.expression(written)
        body = [result if returns == "None" else f"return {result}"]
        nowait = self.names.facade.nowait.get(function.name, f"{function.name}_nowait")
        if is_async and nowait in self.methods:
            body[:0] = self._without_a_hop(function, self.methods[nowait], returns, passed)
        return returns, body

    def _without_a_hop(
        self, function: Function, twin: Function, returns: str, passed: str
    ) -> list[str]:
        if isinstance(twin, ast.AsyncFunctionDef) or (
            ast.dump(twin.args) != ast.dump(function.args)
            or twin.returns is None
            or self.source.segment(twin.returns) != f"{returns} | None"
        ):
            self.source.refuse(
                twin, f"must be a plain def, with {function.name}'s parameters, -> {returns} | None"
            )
        return [
            f"ready = self.{self._wrapped}.{twin.name}({passed})",
            "if ready is not None:",
            "    return ready",
        ]

    def _item(self, generic: ast.expr) -> str:
        """The text of the first type in brackets."""
        if not isinstance(generic, ast.Subscript) or outer(generic) not in _ASYNC_PAIRED:
            self.source.refuse(generic, "must be AsyncGenerator[…], which can be closed")
        inner = generic.slice
        return self.names.expression(inner.elts[0] if isinstance(inner, ast.Tuple) else inner)


def hiding(function: Function, body: list[str]) -> list[str]:
    """The body, with the secrets among the parameters hidden: those that the core deletes."""
    secrets = [
        ast.unparse(target)
        for each in function.body
        if isinstance(each, ast.Delete)
        for target in each.targets
    ]
    if not secrets:
        return body
    deleted = f"    del {', '.join(secrets)}  # as in the core, for tracebacks that show variables"
    return ["try:", *(f"    {line}" for line in body), "finally:", deleted]
