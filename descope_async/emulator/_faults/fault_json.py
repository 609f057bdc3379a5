"""Faults in JSON, as the control door takes and shows them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

from attrs import fields

from descope_async.emulator._error_answers import Refusal
from descope_async.emulator._fields import Fields
from descope_async.emulator._json import Json
from descope_async.emulator.errors import EmulatorError

from .fault import CONNECT, Fault
from .matching import FaultCount


def fault_from_json(values: Fields) -> Fault:
    """The fault that a JSON object describes: the attributes of `Fault`, in camelCase.

    Raises:
        Refusal: The effect is missing, or a field is of a wrong type.
        EmulatorError: The fault makes no sense.
    """
    readers: dict[str, Callable[[str], object]] = {
        "effect": values.required,
        "operation": values.text,
        "commit": values.flag,
        "nth": values.integer,
        "every": values.integer,
        "times": values.integer,
        "probability": values.number,
        "seed": values.integer,
        "reused": values.flag,
        "seconds": values.number,
        "status": values.integer,
        "retry_after": partial(_integer_or_text, values),
        "retry_after_as_date": values.flag,
        "location": values.text,
        "size": values.integer,
    }
    values.required("effect")
    given: Json = {
        attribute: read(_in_json(attribute))
        for attribute, read in readers.items()
        if values.has(_in_json(attribute))
    }
    fault = Fault(**given)
    if fault.operation == CONNECT and fault.nth is None and fault.times is None:
        raise EmulatorError(f"{CONNECT} needs nth or times: no request could end such a fault")
    return fault


def count_to_json(count: FaultCount) -> Json:
    """A rule without its defaults, and how often it struck."""
    fault: Json = {
        _in_json(each.name): getattr(count.fault, each.name)
        for each in fields(Fault)
        if getattr(count.fault, each.name) != each.default
    }
    return {"fault": fault, "seen": count.seen, "struck": count.struck}


def _integer_or_text(values: Fields, name: str) -> int | str:
    try:
        return values.integer(name)
    except Refusal:
        return values.text(name)


def _in_json(attribute: str) -> str:
    first, *others = attribute.split("_")
    return first + "".join(each.capitalize() for each in others)


#: The fields that a request to add a fault may have.
JSON_FIELDS: Final = frozenset(_in_json(each.name) for each in fields(Fault))
