"""Options that give something a value by its name, as NAME=VALUE."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import click


def pairs(given: Sequence[str] | None) -> dict[str, Any] | None:
    """Values by name; None for none given."""
    return None if given is None else dict(map(_pair, given))


def json_or_text(value: str) -> Any:
    """A value as JSON where it is JSON, else as text: ``3`` is a number and ``gold`` is not."""
    try:
        return json.loads(value)
    except ValueError:
        return value


def _pair(given: str) -> tuple[str, Any]:
    name, sign, value = given.partition("=")
    if not sign or not name:
        raise click.BadParameter(f"{given!r} is not NAME=VALUE")
    return name, json_or_text(value)
