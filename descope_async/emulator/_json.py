"""JSON as the local Descope reads and writes it: strict when it reads, compact when it writes."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any, Final, NoReturn, cast

from ._error_answers import Problem, Refusal

Json = dict[str, Any]

_MAX_DEPTH: Final = 64


def encode(body: object) -> str:
    """A value as the service writes it: without spaces, and with characters as they are."""
    return json.dumps(body, allow_nan=False, ensure_ascii=False, separators=(",", ":"))


def parse(body: bytes) -> Json:
    """The JSON object in a body. An empty body is an empty object.

    Raises:
        Refusal: The body is not one JSON object, names a field twice in one object, or is nested
            deeper than 64 levels.
    """
    if not body.strip():
        return {}
    try:
        value: object = json.loads(
            body.decode("utf-8"),
            parse_constant=_not_json,
            parse_float=_finite,
            object_pairs_hook=_without_duplicates,
        )
        # JSON can escape half of a surrogate pair. It has no UTF-8, so it could not be stored.
        json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise Refusal(Problem.MALFORMED, "The body is not valid JSON") from error
    if not isinstance(value, dict):
        raise Refusal(Problem.MALFORMED, "The body must be a JSON object")
    if _is_deeper(cast("object", value), _MAX_DEPTH):
        raise Refusal(Problem.MALFORMED, f"The body is nested deeper than {_MAX_DEPTH} levels")
    return cast("Json", value)


def from_python(values: object) -> Json:
    """Python values as JSON, checked like the body of a request.

    Raises:
        Refusal: JSON has no such value.
    """
    try:
        body = json.dumps(values, allow_nan=False, default=_plain).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise Refusal(Problem.MALFORMED, str(error)) from error
    return parse(body)


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(cast("Mapping[object, object]", value))
    raise TypeError(f"a {type(value).__name__} is no JSON value")


def _not_json(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def _finite(digits: str) -> float:
    value = float(digits)
    if math.isinf(value):
        raise ValueError("a number too large")
    return value


def _without_duplicates(pairs: list[tuple[str, Any]]) -> Json:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name occurs twice in one object")
    return found


def _is_deeper(value: object, levels: int) -> bool:
    """Whether objects and lists are nested deeper than this. Each level is looked at once."""
    level = [value]
    for _ in range(levels):
        inner: list[object] = []
        for each in level:
            if isinstance(each, dict):
                inner += cast("dict[str, object]", each).values()
            elif isinstance(each, list):
                inner += cast("list[object]", each)
        if not inner:
            return False
        level = inner
    return any(isinstance(each, dict | list) for each in level)
