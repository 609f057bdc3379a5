"""No regular expression of either package takes more than linear time, whatever it is given."""

from __future__ import annotations

import ast
import importlib
import re
from pathlib import Path
from typing import Final

import pytest

from tests.patterns.ambiguity import patterns_in, problems

ROOT: Final = Path(__file__).parents[2]
SOURCES: Final = sorted(
    path
    for package in ("descope_async", "descope_sync")
    for path in (ROOT / package).rglob("*.py")
    if path.name != "__main__.py" and "_generate" not in str(path)  # reads our own sources only
)
#: Methods that try an expression at every place of a text.
SEARCHES: Final = {"search", "sub", "subn", "split", "findall", "finditer"}
#: Functions of `re` that compile an expression where no test sees it.
HIDDEN: Final = SEARCHES | {"match", "fullmatch", "template"}


def expressions(tree: ast.Module) -> tuple[dict[str, set[str]], list[int], int]:
    """What a module does with its expressions.

    Returns:
        The methods that are called on each name, the lines on which an expression is compiled
        where no test sees it, and how many are compiled where one does.
    """
    used: dict[str, set[str]] = {}
    hidden: list[int] = []
    compiled = 0
    tables: dict[str, set[str]] = {}  # by the name of an entry while a table is gone through
    at_top = {id(node) for statement in tree.body for node in _evaluated(statement)}
    for node in ast.walk(tree):
        if isinstance(node, ast.For | ast.comprehension) and isinstance(node.iter, ast.Name):
            for entry in ast.walk(node.target):
                if isinstance(entry, ast.Name):
                    tables.setdefault(entry.id, set()).add(node.iter.id)
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        owner, name = node.func.value, node.func.attr
        if isinstance(owner, ast.Name) and owner.id == "re":
            if name in HIDDEN or (name == "compile" and id(node) not in at_top):
                hidden.append(node.lineno)
            compiled += name == "compile"
        else:
            called_on = owner.id if isinstance(owner, ast.Name) else ""
            used.setdefault(called_on, set()).add(name)
    for entry_name, gone_through in tables.items():
        for table in gone_through:
            used.setdefault(table, set()).update(used.get(entry_name, set()))
    return used, hidden, compiled


def _evaluated(statement: ast.stmt) -> list[ast.AST]:
    is_definition = isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
    return [] if is_definition else list(ast.walk(statement))


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_expression_takes_linear_time(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    if "re." not in text:
        return
    used, hidden, compiled = expressions(ast.parse(text))
    assert not hidden, f"compiled within a function, on line {hidden}: make it a global"
    if not compiled:
        return
    module = importlib.import_module(
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    )
    found = 0
    for name, value in vars(module).items():
        for pattern in patterns_in(value):
            found += 1
            is_searched = bool(used.get(name, SEARCHES) & SEARCHES)
            assert not problems(pattern, is_searched=is_searched), f"{name}: {pattern.pattern!r}"
    assert found >= compiled, "an expression is kept where this test does not look"


@pytest.mark.parametrize(
    ("expression", "is_searched"),
    [
        (r"(?:a+)+b", False),
        (r"(?:a*)*b", False),
        (r"(?:a|a)*b", False),
        (r"(?:a|ab|b)*c", False),
        (r"(?:a?b?)*c", False),
        (r"(?>(?:a+)+b)c", False),
        (r"(?:(?:a+)+b)*+c", False),
        (r"(?=(?:a+)+b)a", False),
        (r"a*a*b", False),
        (r"\d+\s?\d+x", False),
        (r"[\w.]+\d+@", False),
        (r"(?i:k+)[K]+x", False),
        (r'"(?:[^"\\]|\\.)*"|[^][{}"]+', True),
        (r'"(?:[^"\\]++|\\.)*+"', True),
        (r"a+b", True),
        (r"x[a-z]*\s*x", True),
    ],
)
def test_the_rule_bites(expression: str, is_searched: bool) -> None:
    assert problems(re.compile(expression), is_searched=is_searched)
    assert problems(re.compile(expression.encode()), is_searched=is_searched)


@pytest.mark.parametrize(
    ("expression", "is_searched"),
    [
        (r"(?:a++)+b", False),
        (r"(?:[^\"\\]|\\.)*+\"", False),
        (r"a*+ab", False),
        (r"[a-z]+(?:-[a-z]+)*", False),
        (r"a+b+c", False),
        (r"(?:a|b)*c", False),
        (r"(?:ab?){0,2}c", False),
        (r'"(?:[^"\\]++|\\.)*+"?+|[^][{}"]++', True),
        (r'"name"\s*+:\s*+"(?:[^"\\]++|\\.)*+"', True),
        (r"[^\"]+", True),
    ],
)
def test_the_rule_lets_pass_what_is_linear(expression: str, is_searched: bool) -> None:
    assert not problems(re.compile(expression), is_searched=is_searched)


@pytest.mark.parametrize(
    "source",
    [
        "import re\ndef f(text):\n    return re.compile('(a+)+').match(text)\n",
        "import re\ndef f(text):\n    return re.sub('(a+)+b', '', text)\n",
        "import re\nfound = re.search('(a+)+b', 'a')\n",
        "import re\nclass C:\n    P = re.compile('(a+)+')\n",
    ],
)
def test_no_expression_hides(source: str) -> None:
    assert expressions(ast.parse(source))[1]
