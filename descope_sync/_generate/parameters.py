"""The parameters of a blocking method, and what it passes on."""

from __future__ import annotations

import ast

from .names import Names
from .source import Function


class Parameters:
    """Writes the parameters of methods in one module."""

    def __init__(self, names: Names) -> None:
        self.names = names

    def of(self, function: Function) -> tuple[str, str]:
        """The parameters as written, and the arguments that pass them on."""
        given = function.args
        for extra in (given.vararg, given.kwarg):
            if extra is not None:
                self.names.source.refuse(
                    extra, f"{extra.arg}: * and ** cannot be passed on with types"
                )
        positional = [*given.posonlyargs, *given.args]
        defaults = [*[None] * (len(positional) - len(given.defaults)), *given.defaults]
        shown = ["self"]
        passed: list[str] = []
        for index, (parameter, default) in enumerate(zip(positional, defaults, strict=True)):
            if index > 0:
                shown.append(self._parameter(parameter, default))
                passed.append(self._argument(parameter))
            if index + 1 == len(given.posonlyargs):
                shown.append("/")
        if given.kwonlyargs:
            shown.append("*")
        for parameter, default in zip(given.kwonlyargs, given.kw_defaults, strict=True):
            shown.append(self._parameter(parameter, default))
            passed.append(f"{parameter.arg}={self._argument(parameter)}")
        return ", ".join(shown), ", ".join(passed)

    def _argument(self, parameter: ast.arg) -> str:
        """What is passed on for a parameter: of a blocking object, what it wraps."""
        if not self.names.is_twin(parameter.annotation):
            return parameter.arg
        self.names.imports.add(f"from {self.names.package}_portal import unwrapped")
        return f"unwrapped({parameter.arg})"

    def _parameter(self, parameter: ast.arg, default: ast.expr | None) -> str:
        if parameter.annotation is None:
            self.names.source.refuse(parameter, f"{parameter.arg} has no annotation")
        if self.names.is_twin(parameter.annotation):
            written = self.names.twin(self.names.source.segment(parameter.annotation))
        else:
            written = self.names.expression(parameter.annotation)
        shown = f"{parameter.arg}: {written}"
        if default is None:
            return shown
        try:
            ast.literal_eval(default)
        except ValueError:
            if not isinstance(default, ast.Name | ast.Attribute):
                self.names.source.refuse(default, f"the default of {parameter.arg} is computed")
        return f"{shown} = {self.names.expression(default)}"
