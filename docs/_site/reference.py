"""The reference, written from the packages' own signatures and docstrings.

A page names an object in a fence, and gets its documentation in that place::

    ```{api} descope_async.DescopeClient
    ```

Only what has a docstring is shown. Names of members after the object limit it to those.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import attrs
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

from .docstrings import Docstring, Resolve, cell, markdown, parse

_FENCE = re.compile(r"^```\{api\} (?P<path>[\w.]+)(?P<members>(?: \w+)*)\n```$", re.MULTILINE)
#: A name of these packages with its module, which readers need not see.
_OURS = re.compile(r"\bdescope_(?:async|sync)\.(?:\w+\.)*(\w+)")
_MODULES = re.compile(r"\b(?:collections\.abc|typing)\.")
_ENVIRONMENT = re.compile(r"DESCOPE_[A-Z_]+")
#: Each documented name, without its module, and the path by which the reference has it.
_documented: dict[str, str] = {}


def collect(app: Sphinx) -> None:
    """Find out what all pages document, so that docstrings can refer to it."""
    _documented.clear()
    for page in sorted(Path(app.srcdir).rglob("*.md")):
        if "_build" in page.parts:
            continue
        for fence in _FENCE.finditer(page.read_text(encoding="utf-8")):
            _documented.setdefault(fence["path"].rpartition(".")[2], fence["path"])


def expand(app: Sphinx, name: str, source: list[str]) -> None:
    """Replace the fences of a page."""
    del app, name
    source[0] = _FENCE.sub(
        lambda fence: "\n".join(_object(fence["path"], fence["members"].split())), source[0]
    )


def outdated(app: Sphinx, env: BuildEnvironment, *changed: set[str]) -> list[str]:
    """The pages that show docstrings, which may have changed when the page has not."""
    del app, changed
    return [
        name
        for name in env.found_docs
        if _FENCE.search(env.doc2path(name).read_text(encoding="utf-8"))
    ]


def find(path: str) -> Any:
    """The object at a dotted path."""
    module, _, name = path.rpartition(".")
    return getattr(import_module(module), name)


def _object(path: str, members: list[str]) -> Iterator[str]:
    found = find(path)
    yield f"```{{py:currentmodule}} {path.rpartition('.')[0]}\n```\n"
    if not inspect.isclass(found):
        yield from _routine(path.rpartition(".")[2], found, "function", fence=":" * 4)
        return
    documentation = parse(found.__doc__)
    resolve = _resolver(found, path)
    kind = "exception" if issubclass(found, BaseException) else "class"
    attributes = dict(_attributes(found, documentation))
    signature = _signature(found) if documentation.of("Args") or attrs.has(found) else ""
    yield f":::::{{py:{kind}}} {path.rpartition('.')[2]}{signature}"
    yield ""
    if kind == "exception":
        bases = [base.__name__ for base in found.__bases__ if base is not Exception]
        yield f"Bases: {', '.join(resolve(base) for base in bases)}\n" if bases else ""
    yield markdown(documentation.text, resolve)
    yield ""
    yield from _arguments(found, documentation, resolve)
    yield from _table("attribute", attributes, resolve)
    yield from _raised(documentation, resolve)
    for name, member in _methods(found):
        if not members or name in members:
            yield from _routine(name, member, "method", fence=":" * 4)
    yield ":::::"


def _resolver(owner: type | None, path: str) -> Resolve:
    def resolve(name: str) -> str:
        if owner is not None and callable(getattr(owner, name, None)):
            return f"{{py:meth}}`{name}() <{path}.{name}>`"
        if name in _documented:
            return f"{{py:obj}}`{name} <{_documented[name]}>`"
        return f"`{name}`"

    return resolve


def _methods(owner: type) -> Iterator[tuple[str, Any]]:
    """Public methods with a docstring, in the order of the source."""
    seen = set[str]()
    for cls in owner.__mro__:
        if not cls.__module__.startswith("descope_"):
            continue
        for name, member in vars(cls).items():
            function = getattr(member, "__func__", member)
            if name.startswith("_") or name in seen or not inspect.isfunction(function):
                continue
            seen.add(name)
            if function.__doc__:
                yield name, member


def _attributes(owner: type, documentation: Docstring) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Each attribute and property: type, default, meaning."""
    hints = {
        name: hint
        for cls in reversed(owner.__mro__)
        for name, hint in getattr(cls, "__annotations__", {}).items()
    }
    if inspect.isfunction(owner.__init__):
        given = inspect.signature(owner.__init__).parameters.values()
        hints = {**{each.name: each.annotation for each in given}, **hints}
    defaults = {each.name: each.default for each in attrs.fields(owner)} if attrs.has(owner) else {}
    for name, text in documentation.of("Attributes").items():
        hint = hints.get(name, "")
        yield name, (_type(hint), _default(defaults.get(name, attrs.NOTHING)), text)
    for name, member in vars(owner).items():
        if isinstance(member, property) and member.__doc__ and not name.startswith("_"):
            hint = getattr(member.fget, "__annotations__", {}).get("return", "")
            yield name, (_type(hint), "", parse(member.__doc__).text)


def _routine(path: str, member: Any, kind: str, fence: str) -> Iterator[str]:
    function = getattr(member, "__func__", member)
    documentation = parse(function.__doc__)
    resolve = _resolver(None, "")
    yield f"{fence}{{py:{kind}}} {path}{_signature(function, bound=kind == 'method')}"
    if inspect.iscoroutinefunction(function):
        yield ":async:"
    if isinstance(member, classmethod):
        yield ":classmethod:"
    if isinstance(member, staticmethod):
        yield ":staticmethod:"
    yield ""
    yield markdown(documentation.text, resolve)
    yield ""
    yield from _arguments(function, documentation, resolve)
    if returned := documentation.of("Returns"):
        yield f"**Returns** {markdown(' '.join(_joined(returned)), resolve)}\n"
    yield from _raised(documentation, resolve)
    yield fence


def _joined(items: Any) -> Iterator[str]:
    """What returns is text, which may look like an item where it has a colon."""
    for name, text in items.items():
        yield f"{name}: {text}" if name else text


def _signature(found: Any, *, bound: bool = False) -> str:
    signature = inspect.signature(found)
    shown: list[str] = []
    keyword_only = False
    for name, parameter in list(signature.parameters.items())[bound:]:
        if parameter.kind is parameter.KEYWORD_ONLY and not keyword_only:
            keyword_only = True
            shown.append("*")
        prefix = {parameter.VAR_POSITIONAL: "*", parameter.VAR_KEYWORD: "**"}.get(
            parameter.kind, ""
        )
        keyword_only |= prefix == "*"
        default = _default(parameter.default, "")
        shown.append(f"{prefix}{name}{f'={default}' if default else ''}")
    returned = "" if inspect.isclass(found) else _type(signature.return_annotation)
    return f"({', '.join(shown)}){f' -> {returned}' if returned else ''}"


def _arguments(found: Any, documentation: Docstring, resolve: Resolve) -> Iterator[str]:
    described = documentation.of("Args")
    if not described:
        return
    parameters = inspect.signature(found).parameters
    rows = {}
    for name, text in described.items():
        parameter = parameters.get(name.lstrip("*"))
        if parameter is None:
            raise ValueError(f"{found.__qualname__}: the docstring has an argument {name}")
        rows[name] = (_type(parameter.annotation), _default(parameter.default, ""), text)
    yield from _table("parameter", rows, resolve)


def _table(kind: str, rows: dict[str, tuple[str, ...]], resolve: Resolve) -> Iterator[str]:
    """A table of names with their types, defaults if there are any, and meanings."""
    if not rows:
        return
    lines = [
        [
            f"`{name}`" + (f"<br>{_code(hint)}" if hint else ""),
            _code(default),
            cell(text, resolve),
        ]
        for name, (hint, default, text) in rows.items()
    ]
    columns = [kind, "default", "meaning"]
    kept = [number for number in range(len(columns)) if any(line[number] for line in lines)]
    for line in [columns, ["---"] * len(columns), *lines]:
        yield f"| {' | '.join(line[number] for number in kept)} |"
    yield ""
    variables = {
        variable: name
        for name, (_, _, text) in rows.items()
        for variable in _ENVIRONMENT.findall(text)
    }
    if variables:
        yield f"| environment variable | {kind} |"
        yield "| --- | --- |"
        yield from (f"| `{variable}` | `{name}` |" for variable, name in variables.items())
        yield ""


def _code(text: str) -> str:
    escaped = text.replace("|", "\\|")
    return f"`{escaped}`" if text else ""


def _raised(documentation: Docstring, resolve: Resolve) -> Iterator[str]:
    for name, text in documentation.of("Raises").items():
        yield f"- raises {resolve(name)}: {markdown(text, resolve)}"
    yield ""


def _type(hint: Any) -> str:
    if hint is inspect.Parameter.empty or hint == "":
        return ""
    text = hint if isinstance(hint, str) else inspect.formatannotation(hint)
    return _MODULES.sub("", _OURS.sub(r"\1", text))


def _default(value: Any, missing: Any = None) -> str:
    """How a default reads; empty where there is none."""
    del missing
    if value is inspect.Parameter.empty or value is attrs.NOTHING:
        return ""
    if isinstance(value, attrs.Factory):  # type: ignore[arg-type] # a class, whatever the stub says
        value = value.factory()
    return repr(value)
