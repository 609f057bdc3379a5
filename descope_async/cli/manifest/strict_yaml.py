"""YAML in which everything has one meaning: no anchors, no tags, no name twice. Each value knows its line."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, cast

from attrs import evolve, field, frozen

if TYPE_CHECKING:
    import yaml

_DEEPEST: Final = 50
#: A number of YAML 1.2, some of which are text in YAML 1.1.
_NUMBER: Final = re.compile(
    r"[-+]?([0-9]+|0o[0-7]+|0x[0-9a-fA-F]+|(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?)"
)
_INTEGER: Final = re.compile(r"-?(0|[1-9][0-9]{0,17})")
_FLOAT: Final = re.compile(r"-?(0|[1-9][0-9]*)\.[0-9]+([eE][-+]?[0-9]+)?")
_CONSTANTS: Final[dict[str, Any]] = {
    "true": True,
    "false": False,
    "null": None,
    "~": None,
    "": None,
}
_TEXTS: Final = frozenset({"tag:yaml.org,2002:str", "tag:yaml.org,2002:timestamp"})


class YamlProblem(Exception):
    """Something in a YAML text that is refused.

    Attributes:
        line: Where it is, from 1 on.
        problem: What is wrong.
    """

    def __init__(self, line: int, problem: str) -> None:
        super().__init__(f"line {line}: {problem}")
        self.line = line
        self.problem = problem


@frozen(eq=False)
class Node:
    """A value of a YAML text.

    Attributes:
        value: A text, a list of nodes, or nodes by name.
        line: Where it begins, from 1 on.
        is_plain: Whether it is a text without quotes.
        is_text: Whether YAML 1.1 takes a text without quotes for text.
    """

    value: str | list[Node] | dict[str, Node]
    line: int
    is_plain: bool = False
    is_text: bool = field(default=True)

    def members(self) -> dict[str, Node]:
        """The nodes of a mapping."""
        if isinstance(self.value, dict):
            return self.value
        raise YamlProblem(self.line, "names with values are wanted here, such as 'name: billing'")

    def items(self) -> list[Node]:
        """The nodes of a list."""
        if isinstance(self.value, list):
            return self.value
        raise YamlProblem(self.line, "a list is wanted here, such as [Reader, Biller]")

    def text(self) -> str:
        """A text."""
        if not isinstance(self.value, str):
            raise YamlProblem(self.line, "a text is wanted here")
        if self.is_plain and not self.value:
            raise YamlProblem(self.line, "nothing is given; write '' for an empty text")
        if self.is_plain and (not self.is_text or _NUMBER.fullmatch(self.value)):
            raise YamlProblem(
                self.line, f"write {self.value!r} in quotes: without them it is no text"
            )
        return self.value

    def flag(self) -> bool:
        """True or false."""
        if self.is_plain and self.value in ("true", "false"):
            return self.value == "true"
        raise YamlProblem(self.line, "true or false is wanted here")

    def json(self) -> Any:
        """A value of JSON. The text is nested no deeper than `read` allows."""
        if isinstance(self.value, list):
            return [each.json() for each in self.value]
        if isinstance(self.value, dict):
            return {name: each.json() for name, each in self.value.items()}
        return self._scalar(self.value) if self.is_plain else self.value

    def _scalar(self, text: str) -> Any:
        """What JSON would read in a text without quotes."""
        if text in _CONSTANTS:
            return _CONSTANTS[text]
        if _INTEGER.fullmatch(text):
            return int(text)
        if _FLOAT.fullmatch(text):
            return float(text)
        if not self.is_text or _NUMBER.fullmatch(text):
            raise YamlProblem(
                self.line,
                f"write {text!r} in quotes, or as JSON would: programs read it differently",
            )
        return text


def read(text: str) -> Node:
    """The value of a YAML text.

    Raises:
        YamlProblem: It is no YAML, or holds what is refused.
    """
    import yaml

    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    resolver: Any = yaml.SafeLoader("")
    builder = _Builder(resolver.resolve)
    try:
        for event in yaml.parse(text, Loader=loader):
            builder.take(event)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise YamlProblem(
            line, f"this is no YAML: {error.problem or 'it cannot be read'}"
        ) from None
    except yaml.YAMLError as error:
        raise YamlProblem(1, f"this is no YAML: {str(error).splitlines()[0]}") from None
    if builder.root is None:
        raise YamlProblem(1, "there is nothing in it")
    return builder.root


class _Builder:
    """Makes nodes of the parser's events.

    Args:
        resolve: Tells which tag YAML 1.1 gives to a text without quotes.
    """

    def __init__(self, resolve: Any) -> None:
        self.root: Node | None = None
        self._resolve = resolve
        self._open: list[Node] = []
        self._names: list[Node | None] = []

    def take(self, event: yaml.Event) -> None:
        """Take in the next event."""
        import yaml

        line = event.start_mark.line + 1 if event.start_mark else 1
        match event:
            case yaml.DocumentStartEvent() if self.root is not None:
                raise YamlProblem(line, "a second document begins here; there can be only one")
            case yaml.AliasEvent():
                raise YamlProblem(line, f"write out what *{event.anchor} stands for")
            case yaml.ScalarEvent() | yaml.SequenceStartEvent() | yaml.MappingStartEvent():
                self._begin(event, line)
            case yaml.SequenceEndEvent() | yaml.MappingEndEvent():
                self._open.pop()
                self._names.pop()
            case _:
                pass

    def _begin(self, event: Any, line: int) -> None:
        import yaml

        if event.anchor is not None:
            raise YamlProblem(
                line, f"remove the anchor &{event.anchor}: a value stands where it counts"
            )
        if event.tag is not None:
            raise YamlProblem(line, f"remove the tag {event.tag}")
        if isinstance(event, yaml.ScalarEvent):
            is_plain = event.implicit[0]
            tag = self._resolve(yaml.ScalarNode, event.value, event.implicit) if is_plain else ""
            self._place(Node(event.value, line, is_plain, tag in _TEXTS))
            return
        if len(self._open) >= _DEEPEST:
            raise YamlProblem(line, f"this is nested deeper than {_DEEPEST} levels")
        is_list = isinstance(event, yaml.SequenceStartEvent)
        node = Node(cast("list[Node]", []) if is_list else cast("dict[str, Node]", {}), line)
        self._place(node)
        self._open.append(node)
        self._names.append(None)

    def _place(self, node: Node) -> None:
        if not self._open:
            self.root = node
            return
        parent = self._open[-1].value
        if isinstance(parent, list):
            parent.append(node)
            return
        name = self._names[-1]
        if name is None:
            if not isinstance(node.value, str):
                raise YamlProblem(node.line, "a name must be a text")
            known = cast("dict[str, Node]", parent)
            if node.value in known:
                first = known[node.value].line
                raise YamlProblem(
                    node.line, f"{node.value!r} is there twice, first on line {first}"
                )
            self._names[-1] = node
            return
        # What is wrong with a value is looked for where its name is.
        cast("dict[str, Node]", parent)[cast("str", name.value)] = evolve(node, line=name.line)
        self._names[-1] = None
