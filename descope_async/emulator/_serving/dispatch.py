"""Dispatch: finds the operation that a request asks for, and turns its result into an answer."""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from http import HTTPMethod
from typing import Final, cast

from aiohttp import web
from aiohttp.http_exceptions import DecompressSizeError
from attrs import field, frozen

from descope_async.emulator._error_answers import Code, Problem, Refusal
from descope_async.emulator._faults.spoilt_answers import sabotaged
from descope_async.emulator._faults.spoilt_connections import Connection, sends_status
from descope_async.emulator._instance import Instance
from descope_async.emulator._json import Json, encode
from descope_async.emulator._memory.data_file import CannotStore
from descope_async.emulator._operations import routes
from descope_async.emulator._operations.call import Call, Visit
from descope_async.emulator._operations.client_assertions import ClientAssertions
from descope_async.emulator._operations.exchange import Exchange
from descope_async.emulator._operations.management_keys import ManagementKeys
from descope_async.emulator._operations.not_emulated import known_path
from descope_async.emulator._operations.one_time_codes import OneTimeCodes
from descope_async.emulator._operations.refresh_tokens import RefreshTokens
from descope_async.emulator._operations.routes import Route
from descope_async.emulator._operations.user_sessions import UserSessions
from descope_async.emulator.request_log import RecordedRequest

from .addresses import host_name, is_loopback
from .admission import Admission, Asked, read_fields
from .authorization import Bearer, shown
from .control_door import PREFIX, ControlDoor
from .responses import error_text, index, json_response

_LOG: Final = logging.getLogger("descope_async.emulator")
_REQUEST_LOG: Final = logging.getLogger("descope_async.emulator.requests")
_RATE_LIMIT_TIER: Final = "tier1"


@frozen
class Outcome:
    """What came of a request.

    Attributes:
        text: The body of the answer.
        status: The status of the answer.
        headers: Headers that the answer has beside the usual ones.
        reason: Why the request was refused; empty if it was not.
    """

    text: str = field(repr=False)
    status: int = 200
    headers: Mapping[str, str] = field(factory=dict[str, str])
    reason: str = ""


class Dispatch:
    """Answers requests.

    Args:
        instance: The emulator.
        door: What steers it over HTTP.
        any_host: Whether requests for any host name are answered, not only for loopback ones.
        token_lifetime: Seconds that a session token lives, where a project has no other.
    """

    def __init__(
        self,
        instance: Instance,
        door: ControlDoor,
        *,
        any_host: bool,
        token_lifetime: int,
    ) -> None:
        self._instance = instance
        self._state = instance.state
        self._clock = instance.clock
        self._door = door
        self._any_host = any_host
        self._admission = Admission(instance)
        codes, refresh_tokens = OneTimeCodes(), RefreshTokens()
        sessions = UserSessions(instance.signers, codes, refresh_tokens, token_lifetime)
        managers = ManagementKeys(self._state)
        self._managed: Mapping[Route, Callable[[Call], Json]] = {
            routes.GENERATE_CODE: codes.generate,
            routes.LOGOUT_USER: refresh_tokens.logout,
            routes.CREATE_MANAGER: managers.create,
            routes.LOAD_MANAGER: managers.load,
            routes.UPDATE_MANAGER: managers.update,
            routes.SEARCH_MANAGERS: managers.search,
            routes.DELETE_MANAGERS: managers.delete,
        }
        self._visits: Mapping[Route, Callable[[Visit], Awaitable[Json]]] = {
            routes.EXCHANGE: Exchange(instance.signers, token_lifetime).exchange,
            routes.REFRESH: sessions.refresh,
            routes.SELECT_TENANT: sessions.select_tenant,
            routes.ME: sessions.me,
            routes.MY_TENANTS: sessions.my_tenants,
            routes.LOGOUT: sessions.logout,
            routes.LOGOUT_ALL: sessions.logout_all,
            **dict.fromkeys(routes.VERIFY_CODE, sessions.verify_code),
        }
        self._assert_client = ClientAssertions(instance.signers).make

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """The answer to any request, or what a fault makes of it."""
        if request.path.startswith(PREFIX):
            return _response(await self._outcome(request, self._steer(request)))
        if request.path == "/" and "text/html" in request.headers.get("Accept", ""):
            return index(request)
        asked = Asked(
            request,
            routes.route_of(request.method, request.path),
            time.monotonic(),
            shown(request.headers.getall("Authorization", [])),
        )
        reasons: list[str] = []
        fault = cast("Connection", request.protocol).fault_of(asked.route.name)
        if fault is None:
            response: web.StreamResponse = await self._true_answer(asked, reasons)
        else:
            answer = partial(self._true_answer, asked, reasons)
            response = await sabotaged(request, fault, answer, self._clock.now())
            reasons.append(f"fault: {fault.effect}")
        status = response.status if fault is None or sends_status(response) else None
        self._record(asked, response, status, ", ".join(filter(None, reasons)))
        return response

    async def _true_answer(self, asked: Asked, reasons: list[str]) -> web.Response:
        outcome = await self._outcome(asked.request, self._decide(asked))
        reasons.append(outcome.reason)
        return _response(outcome)

    async def _outcome(self, request: web.BaseRequest, decision: Awaitable[Outcome]) -> Outcome:
        """What came of a request. All that its answer tells of is stored by then."""
        mark = self._state.mark
        try:
            outcome = await decision
        except Refusal as refusal:
            outcome = _refused(refusal)
        except (web.HTTPRequestEntityTooLarge, web.RequestPayloadError, ConnectionError) as error:
            outcome = _refused(_unread(error))  # after a ConnectionError, nobody reads the answer
        except Exception:  # noqa: BLE001 - logged, and answered without its details
            outcome = _broken(request)
        try:
            if self._state.is_kept:
                # Even a refusal may tell of a change that is not stored yet.
                await self._state.settle(mark)
        except CannotStore as error:  # which the data file has logged
            outcome = _refused(Refusal(Problem.STORAGE_FULL, str(error)))
        except Exception:  # noqa: BLE001 - likewise
            outcome = _broken(request)
        return outcome

    def _record(
        self, asked: Asked, response: web.StreamResponse, status: int | None, reason: str
    ) -> None:
        """Log a request, without anything in which somebody may have put a secret."""
        request, path = asked.request, asked.request.path
        project_id = asked.credentials.first if isinstance(asked.credentials, Bearer) else ""
        if path.startswith(routes.KEY_SETS):
            project_id = path.removeprefix(routes.KEY_SETS)
            path = routes.KEY_SETS + "{project}"
        elif path not in routes.METHODS_OF:
            path = ""
        recorded = RecordedRequest(
            operation=asked.route.name,
            method=_method(request),
            path=path,
            project_id=project_id if project_id in self._state.projects else "",
            status=status,
            time=self._clock.now(),
            request_id=response.headers.get("x-request-id", ""),
            seconds=time.monotonic() - asked.began,
            reason=reason,
        )
        self._instance.requests.add(recorded)
        if _REQUEST_LOG.isEnabledFor(logging.INFO):
            _REQUEST_LOG.info("%s", recorded, extra={"request": recorded})

    async def _decide(self, asked: Asked) -> Outcome:
        request, route = asked.request, asked.route
        self._check_host(request)
        self._check_rate(request)
        if route is routes.KEY_SET:
            project = self._state.project(request.path.removeprefix(routes.KEY_SETS))
            key_set = await self._instance.signers.of(project).key_set()
            return Outcome(encode(key_set), headers=self._instance.signers.caching)
        visit = self._visits.get(route)
        if visit:
            return Outcome(encode(await visit(await self._admission.visit(asked))))
        operation = route.operation or self._managed.get(route)
        if operation:
            return Outcome(encode(operation(await self._admission.call(asked))))
        if route is routes.LICENSE:
            self._admission.manager(asked)
            return Outcome(encode({"rateLimitTier": _RATE_LIMIT_TIER}))
        if route is routes.ASSERT_CLIENT:
            return Outcome(encode(await self._assert_client(await self._admission.call(asked))))
        raise _no_route(request)

    async def _steer(self, request: web.BaseRequest) -> Outcome:
        self._check_host(request)
        command = self._door.command(
            request.method,
            request.path,
            request.headers.getall("Authorization", []),
            request.headers.get("Origin"),
        )
        return Outcome(encode(await self._door.do(command, await read_fields(request))))

    def _check_host(self, request: web.BaseRequest) -> None:
        host = host_name(request.headers.get("Host", ""))
        if not self._any_host and not is_loopback(host):
            # Otherwise a web page could send requests here, by a name that its owner lets resolve to
            # this machine (DNS rebinding).
            raise Refusal(Problem.WRONG_HOST, "The Host header must name this machine")

    def _check_rate(self, request: web.BaseRequest) -> None:
        limits = self._instance.rate_limits
        if limits.enabled and (
            seconds := limits.wait(request.remote or "", request.headers, self._clock.now())
        ):
            refusal = Refusal(Problem.TOO_MANY, "Try again later")
            refusal.headers = {"Retry-After": str(seconds)}
            raise refusal


def _method(request: web.BaseRequest) -> str:
    """The method, or nothing when it is a word that somebody has made up."""
    return request.method if request.method in HTTPMethod.__members__ else ""


def _no_route(request: web.BaseRequest) -> Refusal:
    allowed = routes.METHODS_OF.get(request.path)
    if request.path.startswith(routes.KEY_SETS):
        allowed = frozenset({"GET"})
    if allowed:
        refusal = Refusal(Problem.WRONG_METHOD, "The method is not allowed here")
        refusal.headers = {"Allow": ", ".join(sorted(allowed))}
        return refusal
    known = known_path(request.path)
    if known is not None:
        rest = request.path.removeprefix(known)
        message = f"The local Descope does not emulate {_method(request)} {known}"
        if rest:
            return Refusal(Problem.NOT_EMULATED, message + "{}", rest)
        return Refusal(Problem.NOT_EMULATED, message)
    return Refusal(Problem.NO_PATH, "The emulator has nothing at this path")


def _unread(error: Exception) -> Refusal:
    # aiohttp before 3.14 does not hand out what it decompressed if that is more than 32 MiB.
    too_large = (web.HTTPRequestEntityTooLarge, DecompressSizeError)
    if isinstance(error, too_large) or isinstance(error.__cause__, too_large):
        return Refusal(Problem.TOO_LARGE, "The body is larger than 1 MiB")
    return Refusal(Problem.MALFORMED, "The body cannot be decoded")


def _refused(refusal: Refusal) -> Outcome:
    code: Code = refusal.code
    text = error_text(code, refusal.message)
    return Outcome(text, code.status, refusal.headers, refusal.reason)


def _broken(request: web.BaseRequest) -> Outcome:
    _LOG.exception("cannot answer %s %s", request.method, request.path)
    return _refused(Refusal(Problem.BROKEN, "The emulator's log says more"))


def _response(outcome: Outcome) -> web.Response:
    return json_response(outcome.text, outcome.status, outcome.headers)
