"""The control door: how tests in other processes and languages steer the emulator over HTTP."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Final

from attrs import frozen

from descope_async.emulator import _controls as controls
from descope_async.emulator._error_answers import Problem, Refusal
from descope_async.emulator._faults.fault_json import JSON_FIELDS, count_to_json, fault_from_json
from descope_async.emulator._fields import Fields
from descope_async.emulator._instance import Instance
from descope_async.emulator._json import Json
from descope_async.emulator.errors import EmulatorError
from descope_async.emulator.request_log import request_to_json
from descope_async.emulator.token_shapes import JSON_FIELDS as SHAPE_FIELDS
from descope_async.emulator.token_shapes import TokenShape, shape_from_json

from .authorization import bearer

#: No path of the service begins so.
PREFIX: Final = "/emulator/"


@frozen
class Command:
    """Something that a request can ask for here.

    Attributes:
        do: Does it, and gives the answer's body.
        fields: The names of its fields. Another name is refused: most likely it is misspelt.
    """

    do: Callable[[Instance, Fields], Awaitable[Json]]
    fields: Collection[str] = ()


class ControlDoor:
    """Carries out the commands of requests that show the token.

    Args:
        instance: What is steered.
        token: What requests must show.
    """

    def __init__(self, instance: Instance, token: str) -> None:
        self._instance = instance
        self._token = token.encode()

    def command(
        self, method: str, path: str, authorization: list[str], origin: str | None
    ) -> Command:
        """The command that a request asks for.

        Raises:
            Refusal: It does not show the token, comes from a web page, or asks for no known command.
        """
        if origin is not None:
            raise Refusal(Problem.FROM_BROWSER, "A request here must not have an Origin header")
        given = bearer(authorization)
        shown = given.first.encode("utf-8", "surrogatepass")
        if given.secret or not secrets.compare_digest(shown, self._token):
            raise Refusal(Problem.UNAUTHORIZED, "The control token is not valid")
        found = ROUTES.get((method, path))
        if found:
            return found
        if allowed := sorted(known for known, at in ROUTES if at == path):
            refusal = Refusal(Problem.WRONG_METHOD, "The method is not allowed here")
            refusal.headers = {"Allow": ", ".join(allowed)}
            raise refusal
        raise Refusal(Problem.NO_PATH, "The emulator has nothing at this path")

    async def do(self, command: Command, fields: Fields) -> Json:
        """Carry out a command; gives the answer's body.

        Raises:
            Refusal: It cannot be done.
        """
        if fields.unknown(frozenset(command.fields)) is not None:
            known = ", ".join(sorted(command.fields)) or "none"
            raise Refusal(Problem.INVALID, f"The fields known here are: {known}")
        try:
            return await command.do(self._instance, fields)
        except EmulatorError as error:
            raise Refusal(Problem.INVALID, str(error)) from error


async def _show_clock(instance: Instance, _: Fields) -> Json:
    clock = instance.clock
    return {"now": clock.now(), "rate": clock.rate, "tokenSkew": clock.token_skew}


async def _freeze(instance: Instance, fields: Fields) -> Json:
    instance.clock.freeze()
    return await _show_clock(instance, fields)


async def _run(instance: Instance, fields: Fields) -> Json:
    instance.clock.run(fields.number("rate", 1))
    return await _show_clock(instance, fields)


async def _advance(instance: Instance, fields: Fields) -> Json:
    instance.clock.advance(fields.given("seconds", fields.number))
    return await _show_clock(instance, fields)


async def _move(instance: Instance, fields: Fields) -> Json:
    moment = fields.given("moment", fields.number)
    instance.clock.move_to(moment, backwards=fields.flag("backwards"))
    return await _show_clock(instance, fields)


async def _skew(instance: Instance, fields: Fields) -> Json:
    instance.clock.skew_tokens(fields.given("seconds", fields.integer))
    return await _show_clock(instance, fields)


async def _set_lifetime(instance: Instance, fields: Fields) -> Json:
    seconds = fields.integer("seconds") if fields.has("seconds") else None
    await controls.set_token_lifetime(instance, seconds, _project_id(fields))
    return {}


async def _expired_token(instance: Instance, fields: Fields) -> Json:
    return {"token": await controls.expired_token(instance, _project_id(fields))}


async def _rotate(instance: Instance, fields: Fields) -> Json:
    await controls.rotate_signing_keys(instance, _project_id(fields), revoke=fields.flag("revoke"))
    return {}


async def _set_shape(instance: Instance, fields: Fields) -> Json:
    shape: TokenShape | str | None = fields.text("templateId") or None
    if any(fields.has(name) for name in SHAPE_FIELDS):
        if shape:
            raise Refusal(Problem.INVALID, "A templateId stands alone: the template has the shape")
        shape = shape_from_json(fields)
    key_id = fields.text("keyId") or None
    await controls.set_token_shape(instance, shape, _project_id(fields), key_id)
    return {}


async def _set_rate_limits(instance: Instance, fields: Fields) -> Json:
    await controls.set_rate_limits(instance, fields.given("enabled", fields.flag))
    return {}


async def _set_wrong_kid(instance: Instance, fields: Fields) -> Json:
    wrong = fields.given("wrong", fields.flag)
    await controls.set_wrong_kid(instance, wrong, _project_id(fields))
    return {}


async def _set_cache_control(instance: Instance, fields: Fields) -> Json:
    await controls.set_cache_control(instance, fields.given("value", fields.text))
    return {}


async def _show_requests(instance: Instance, fields: Fields) -> Json:
    operation = fields.text("operation") or None
    status = fields.integer("status") if fields.has("status") else None
    project_id = fields.text("projectId") or None
    return {
        "count": instance.requests.count(operation, project_id=project_id, status=status),
        "requests": [
            request_to_json(each)
            for each in instance.requests.matching(operation, project_id=project_id, status=status)
        ],
    }


async def _clear_requests(instance: Instance, _: Fields) -> Json:
    instance.requests.clear()
    return {}


async def _show_faults(instance: Instance, _: Fields) -> Json:
    return {"faults": [count_to_json(each) for each in instance.faults]}


async def _add_fault(instance: Instance, fields: Fields) -> Json:
    instance.faults.add(fault_from_json(fields))
    return {}


async def _clear_faults(instance: Instance, _: Fields) -> Json:
    instance.faults.clear()
    return {}


async def _reset(instance: Instance, _: Fields) -> Json:
    await controls.reset(instance)
    return {}


def _project_id(fields: Fields) -> str | None:
    return fields.text("projectId") or None


#: All commands, by method and path.
ROUTES: Final[Mapping[tuple[str, str], Command]] = {
    ("GET", f"{PREFIX}clock"): Command(_show_clock),
    ("POST", f"{PREFIX}clock/freeze"): Command(_freeze),
    ("POST", f"{PREFIX}clock/run"): Command(_run, {"rate"}),
    ("POST", f"{PREFIX}clock/advance"): Command(_advance, {"seconds"}),
    ("POST", f"{PREFIX}clock/move"): Command(_move, {"moment", "backwards"}),
    ("POST", f"{PREFIX}clock/skew"): Command(_skew, {"seconds"}),
    ("POST", f"{PREFIX}tokens/lifetime"): Command(_set_lifetime, {"seconds", "projectId"}),
    ("POST", f"{PREFIX}tokens/expired"): Command(_expired_token, {"projectId"}),
    ("POST", f"{PREFIX}tokens/shape"): Command(
        _set_shape, {*SHAPE_FIELDS, "templateId", "projectId", "keyId"}
    ),
    ("POST", f"{PREFIX}rate-limits"): Command(_set_rate_limits, {"enabled"}),
    ("POST", f"{PREFIX}tokens/wrong-kid"): Command(_set_wrong_kid, {"wrong", "projectId"}),
    ("POST", f"{PREFIX}keys/rotate"): Command(_rotate, {"revoke", "projectId"}),
    ("POST", f"{PREFIX}keys/cache-control"): Command(_set_cache_control, {"value"}),
    ("GET", f"{PREFIX}requests"): Command(_show_requests, {"operation", "projectId", "status"}),
    ("POST", f"{PREFIX}requests/clear"): Command(_clear_requests),
    ("GET", f"{PREFIX}faults"): Command(_show_faults),
    ("POST", f"{PREFIX}faults"): Command(_add_fault, JSON_FIELDS),
    ("POST", f"{PREFIX}faults/clear"): Command(_clear_faults),
    ("POST", f"{PREFIX}reset"): Command(_reset),
}
