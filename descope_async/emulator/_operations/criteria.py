"""What all searches do alike: refuse criteria that are not emulated, sort, and page."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any, cast

from descope_async.emulator._error_answers import Problem, Refusal
from descope_async.emulator._fields import Fields
from descope_async.emulator._json import Json


def refuse_not_emulated(fields: Fields, names: Collection[str]) -> None:
    """Refuse criteria that the service knows and the emulator does not, unless they are empty.

    A search that ignored a criterion would find too much, and whoever deletes what was found would
    delete too much. SDKs send empty values for what their callers did not give.

    Raises:
        Refusal: There is such a criterion.
    """
    for name in names:
        if fields.value(name):
            raise Refusal(
                Problem.NOT_EMULATED, "The local Descope does not emulate the criterion {}", name
            )


def one_of(fields: Fields, name: str) -> Callable[[Collection[str]], bool]:
    """Whether one of a record's values is in a list of the request; an empty list admits all."""
    wanted = frozenset(fields.names(name))
    return lambda values: not wanted or not wanted.isdisjoint(values)


def has_attributes(fields: Fields) -> Callable[[Json], bool]:
    """Whether a record's custom attributes have every value in ``customAttributes``.

    Of several values in a list, one is enough.
    """
    wanted = fields.mapping("customAttributes")
    return lambda held: all(_meets(held.get(name), value) for name, value in wanted.items())


def has_text(fields: Fields, name: str = "text") -> Callable[[Sequence[str]], bool]:
    """Whether a text of the request is part of one of a record's texts, in any case."""
    text = fields.text(name).casefold()
    return lambda parts: not text or any(text in part.casefold() for part in parts)


def arrange(
    found: list[Json], fields: Fields, sortable: Collection[str], default_limit: int = 0
) -> list[Json]:
    """Sort what was found by ``sort``, and give the page that ``limit`` and ``page`` name.

    Args:
        found: What was found, as it is shown, in the order of its creation.
        fields: The request.
        sortable: The properties that ``sort`` may name.
        default_limit: The size of a page where ``limit`` is 0 or absent; 0 for everything.

    Raises:
        Refusal: ``sort`` names another property.
    """
    for criterion in reversed(fields.children("sort")):  # a stable sort: the first counts most
        found.sort(key=_sort_key(criterion, sortable), reverse=criterion.flag("desc"))
    limit = fields.size("limit") or default_limit or len(found)
    start = fields.size("page") * limit
    return found[start : start + limit]


def _meets(held: object, wanted: object) -> bool:
    values = [wanted]
    if isinstance(wanted, list):
        values += cast("list[object]", wanted)
    # To Python, true is 1.
    return any(held == each and isinstance(held, bool) == isinstance(each, bool) for each in values)


def _sort_key(criterion: Fields, sortable: Collection[str]) -> Callable[[Json], Any]:
    name = criterion.required("field")
    if name not in sortable:
        raise Refusal(
            Problem.INVALID, f"The sort field must be one of {', '.join(sorted(sortable))}"
        )
    return lambda shown: _comparable(shown[name])


def _comparable(value: Any) -> Any:
    """A list of tenants sorts by the tenants' ids, and everything else by itself."""
    if not isinstance(value, list):
        return value
    items = cast("list[str | Json]", value)
    return [each["tenantId"] if isinstance(each, dict) else each for each in items]
