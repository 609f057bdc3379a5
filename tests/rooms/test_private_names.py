"""Tests use what users use: private names are few, and each use has its reason beside it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
MOST = 60
#: Who may look at their own private names.
SELVES = {"self", "cls"}
#: Calls that take names as texts: functions, and those of pytest's monkeypatch.
BY_NAME = {"getattr", "setattr", "delattr", "hasattr"}
REASON = re.compile(r"# (?:type: ignore\[[a-z-]+\]  # )?(?:noqa: [A-Z0-9, ]+ - )?\w.{9}")


def uses_in(source: str) -> Iterator[tuple[int, str]]:
    """The line and the name of each private name of something else that a test uses."""
    for node in ast.walk(ast.parse(source)):
        names, line = [""], 0
        if isinstance(node, ast.Attribute) and not is_own(node.value):
            names, line = [node.attr], node.end_lineno or 0
        elif isinstance(node, ast.Call) and called(node.func) in BY_NAME:
            names = [part for text in texts(node.args) for part in text.split(".")]
            line = node.end_lineno or 0
        for name in names:
            if re.match(r"_[A-Za-z]", name) and name != "_exit":  # os._exit is everybody's
                yield line, name


def is_own(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id in SELVES


def called(function: ast.expr) -> str:
    return getattr(function, "attr", getattr(function, "id", ""))


def texts(arguments: list[ast.expr]) -> list[str]:
    constants = [each.value for each in arguments if isinstance(each, ast.Constant)]
    return [each for each in constants if isinstance(each, str)]


def files() -> list[Path]:
    return sorted(each for each in TESTS.rglob("*.py") if "node_modules" not in each.parts)


def test_private_names_are_few_and_have_a_reason() -> None:
    found = 0
    for file in files():
        source = file.read_text(encoding="utf-8")
        lines = source.splitlines()
        for number, name in uses_in(source):
            found += 1
            assert REASON.search(lines[number - 1]), f"{file}:{number} uses {name} without a reason"
    assert 0 < found <= MOST


@pytest.mark.parametrize(
    "line",
    [
        "client._transport",
        "client.mgmt._keys()",
        "getattr(client, '_transport')",
        "monkeypatch.setattr(module, '_LIMIT', 1)",
        "monkeypatch.setattr('descope_async.client._x', 1)",
        "monkeypatch.delattr(client, '_x')",
    ],
)
def test_every_way_to_a_private_name_counts(line: str) -> None:
    assert list(uses_in(line))


@pytest.mark.parametrize(
    "line", ["self._x", "client.keys", "client.__dict__", "getattr(c, 'keys')"]
)
def test_what_is_not_private_does_not_count(line: str) -> None:
    assert not list(uses_in(line))
