"""The door: HTTP in, rules called, JSON out. Nothing leaves before it is stored."""

from __future__ import annotations

import json
import logging
import secrets
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from http import HTTPMethod
from typing import Any, Final, cast

from aiohttp import HttpVersion11, web
from attrs import frozen

from descope_async.emulator._faults.answers import sabotaged
from descope_async.emulator._faults.connections import Connection, sends_status
from descope_async.emulator._faults.rules import Faults
from descope_async.emulator._memory.project import Call, Project
from descope_async.emulator._rules import access_keys, operations, roles, sessions, tenants, users
from descope_async.emulator._rules.otp import Codes
from descope_async.emulator.answers import Code, Json, Problem, Refusal, error_body
from descope_async.emulator.fields import Fields, parse
from descope_async.emulator.instance import Instance
from descope_async.emulator.request_log import RecordedRequest

from . import control_door
from .authorization import bearer
from .control_door import ControlDoor
from .listener import Listener
from .listening import host_name, is_loopback

_LOG: Final = logging.getLogger("descope_async.emulator")
_ACCESS_LOG: Final = logging.getLogger("descope_async.emulator.access")
_REFRESH_LIFETIME: Final = 4 * 7 * 24 * 3600

Rule = Callable[[Call], Json]
Visit = Callable[[web.BaseRequest], Awaitable[Json]]


@frozen
class Settings:
    """What an emulator can be told about its answers.

    Attributes:
        any_host: Whether requests for any host name are answered, not only for loopback ones.
        token_lifetime: Seconds that a session token lives, where a project has no other.
        rate_limit_tier: What the license says.
    """

    any_host: bool
    token_lifetime: int
    rate_limit_tier: str = "tier1"


class App:
    """Answers requests."""

    def __init__(self, instance: Instance, settings: Settings, door: ControlDoor) -> None:
        self._instance = instance
        self._state = instance.state
        self._clock = instance.clock
        self._settings = settings
        self._door = door
        codes = Codes()
        self._codes = codes
        self._rules: Mapping[tuple[str, str], Rule] = {
            **access_keys.ROUTES,
            **tenants.ROUTES,
            **roles.ROUTES,
            **users.ROUTES,
            operations.GENERATE_CODE: codes.generate,
        }
        self._visits: Mapping[tuple[str, str], Visit] = {
            operations.EXCHANGE: self._exchange,
            operations.LICENSE: self._license,
            **dict.fromkeys(operations.VERIFY_CODE, self._verify_code),
        }
        self._methods: dict[str, set[str]] = {}
        for method, path in (*self._rules, *self._visits, *control_door.ROUTES):
            self._methods.setdefault(path, set()).add(method)

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """The answer to any request whatever, or what a fault makes of it."""
        operation = None
        if not request.path.startswith(control_door.PREFIX):
            operation = operations.name_of(request.method, request.path)
        fault = cast("Connection", request.protocol).fault_of(operation)
        if fault is None:
            response: web.StreamResponse = await self._true_answer(request)
        else:
            _LOG.info("%s is struck: %s", operation, fault.effect)
            answer = partial(self._true_answer, request)
            response = await sabotaged(request, fault, answer, self._clock.now())
        self._record(request, response)
        return response

    async def _true_answer(self, request: web.BaseRequest) -> web.Response:
        code = None
        try:
            text = _text(await self._decide(request))
        except Refusal as refusal:
            code, text = _refused(refusal.code, refusal.message)
        except web.HTTPRequestEntityTooLarge:
            code, text = _refused(Problem.TOO_LARGE, "The body is larger than 1 MiB")
        except (web.RequestPayloadError, ConnectionError):  # the latter has no reader any more
            code, text = _refused(Problem.MALFORMED, "The body cannot be decoded")
        except Exception:  # noqa: BLE001 - logged, and answered without its details
            code, text = _broken(request)
        try:
            # Even a refusal may tell of a change that is not stored yet.
            await self._state.settle()
        except Exception:  # noqa: BLE001 - likewise
            code, text = _broken(request)
        headers: dict[str, str] = {}
        if code is Problem.WRONG_METHOD:
            headers["Allow"] = ", ".join(sorted(self._methods.get(request.path, {"GET"})))
        elif code is None and request.path.startswith(operations.KEY_SETS):
            headers |= self._instance.signers.caching
        return _json(text, code.status if code else 200, headers)

    def _record(self, request: web.BaseRequest, response: web.StreamResponse) -> None:
        """Log a request, without anything in which somebody may have put a secret."""
        path = request.path
        if path.startswith(control_door.PREFIX):
            return
        project_id = _named_project(request)
        if path.startswith(operations.KEY_SETS):
            project_id = path.removeprefix(operations.KEY_SETS)
            path = operations.KEY_SETS + "{project}"
        elif path not in self._methods:
            path = ""
        self._instance.requests.add(
            RecordedRequest(
                operation=operations.name_of(request.method, request.path),
                method=request.method if request.method in HTTPMethod.__members__ else "",
                path=path,
                project_id=project_id if project_id in self._state.project_ids else "",
                status=response.status if sends_status(response) else None,
                time=self._clock.now(),
                request_id=response.headers.get("x-request-id", ""),
            )
        )

    async def _decide(self, request: web.BaseRequest) -> Json:
        host = host_name(request.headers.get("Host", ""))
        if not self._settings.any_host and not is_loopback(host):
            # Else a web page could reach in, by a name of its own that resolves to this machine.
            raise Refusal(Problem.WRONG_HOST, "The Host header must name this machine")
        path = request.path
        if path.startswith(control_door.PREFIX):
            return await self._steer(request)
        if path.startswith(operations.KEY_SETS):
            if request.method != "GET":
                raise Refusal(Problem.WRONG_METHOD, "The method is not allowed here")
            project = self._state.project(path.removeprefix(operations.KEY_SETS))
            return await self._instance.signers.of(project).key_set()
        if path not in self._methods:
            raise Refusal(Problem.NO_PATH, "The emulator has nothing at this path")
        rule = self._rules.get((request.method, path))
        if rule:
            return rule(await self._managed(request))
        visit = self._visits.get((request.method, path))
        if visit:
            return await visit(request)
        raise Refusal(Problem.WRONG_METHOD, "The method is not allowed here")

    async def _steer(self, request: web.BaseRequest) -> Json:
        command = self._door.command(
            request.method,
            request.path,
            request.headers.getall("Authorization", []),
            request.headers.get("Origin"),
        )
        return await self._door.do(command, await _fields(request))

    async def _managed(self, request: web.BaseRequest) -> Call:
        given = bearer(request.headers.getall("Authorization", []))
        if not given.secret or given.management_key:
            raise Refusal(
                Problem.UNAUTHORIZED, "The Authorization header must be Bearer project:key"
            )
        project = self._state.project(given.first)
        manager = self._state.manager(project.id, given.secret)
        fields = await _fields(request)
        return Call(project=project, fields=fields, now=self._clock.stamp(), author=manager.id)

    async def _license(self, request: web.BaseRequest) -> Json:
        given = bearer(request.headers.getall("Authorization", []))
        if given.secret:
            self._state.manager(self._state.project(given.first).id, given.secret)
        else:
            self._state.manager(None, given.first)
        return {"rateLimitTier": self._settings.rate_limit_tier}

    async def _exchange(self, request: web.BaseRequest) -> Json:
        given = bearer(request.headers.getall("Authorization", []))
        project = self._state.project(given.first)
        if given.management_key:
            self._state.manager(project.id, given.management_key)
        fields = await _fields(request)
        signer = self._instance.signers.of(project)
        await signer.prepare()  # from here to the claims nothing else can happen
        now = self._clock.stamp()
        key = sessions.admit(project, given.secret, request.remote or "", now)
        claims = sessions.key_claims(project, key, fields.child("loginOptions"))
        issued = self._issued(request, project, now, self._token_lifetime(project))
        token = await signer.sign(claims | issued)
        return {"keyId": key.id, "sessionJwt": token, "expiration": issued["exp"]}

    async def _verify_code(self, request: web.BaseRequest) -> Json:
        given = bearer(request.headers.getall("Authorization", []))
        project = self._state.project(given.first)
        fields = await _fields(request)
        user = self._codes.redeem(project, fields)
        now = self._clock.stamp()
        jwts: list[str] = []
        for drn, lifetime in (("DS", self._token_lifetime(project)), ("DSR", _REFRESH_LIFETIME)):
            claims = sessions.user_claims(project, user, drn)
            claims |= self._issued(request, project, now, lifetime)
            jwts.append(await self._instance.signers.of(project).sign(claims))
        return {
            "sessionJwt": jwts[0],
            "refreshJwt": jwts[1],
            "user": users.to_json(project, user),
            "firstSeen": True,
        }

    def _token_lifetime(self, project: Project) -> int:
        return self._state.token_lifetime(project.id) or self._settings.token_lifetime

    def _issued(self, request: web.BaseRequest, project: Project, now: int, lifetime: int) -> Json:
        issuer = f"{request.scheme}://{request.host}/{project.id}"
        issued = now + self._clock.token_skew
        return {"iss": issuer, "iat": issued, "exp": issued + lifetime}


class Server(web.Server):
    """Accepts connections. What is not even HTTP is answered in JSON too."""

    def __init__(self, app: App, faults: Faults) -> None:
        super().__init__(app.answer)
        self._faults = faults
        self.listener: Listener | None = None

    def __call__(self) -> web.RequestHandler:
        """The protocol of one more connection."""
        return _Protocol(self, self._faults, self._refuse_for, access_log=_ACCESS_LOG)

    async def _refuse_for(self, seconds: float) -> None:
        if self.listener:
            await self.listener.refuse_for(seconds)


class _Protocol(Connection):
    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Called by aiohttp for what it could not parse, which may hold a secret: log none of it."""
        del request, exc, message
        code = Problem.MALFORMED if status < Problem.BROKEN.status else Problem.BROKEN
        _, text = _refused(code, "The request is not valid HTTP")
        response = _json(text, status)
        response.force_close()
        return response

    def log_exception(self, *args: Any, **kwargs: Any) -> None:
        """Called by aiohttp, also when the rest of a body that is answered cannot be decoded."""
        if not isinstance(kwargs.get("exc_info"), web.RequestPayloadError):
            super().log_exception(*args, **kwargs)


async def _body(request: web.BaseRequest) -> Json:
    expected = request.headers.get("Expect", "").lower()
    if expected == "100-continue" and request.version >= HttpVersion11:
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0  # else aiohttp takes the answer for begun
    return parse(await request.read())


async def _fields(request: web.BaseRequest) -> Fields:
    return Fields(dict(request.query) if request.method == "GET" else await _body(request))


def _named_project(request: web.BaseRequest) -> str:
    try:
        return bearer(request.headers.getall("Authorization", [])).first
    except Refusal:
        return ""


def _text(body: Json) -> str:
    return json.dumps(body, allow_nan=False)


def _refused(code: Code, message: str) -> tuple[Code, str]:
    return code, _text(error_body(code, message))


def _broken(request: web.BaseRequest) -> tuple[Code, str]:
    _LOG.exception("cannot answer %s %s", request.method, request.path)
    return _refused(Problem.BROKEN, "The emulator's log says more")


def _json(text: str, status: int, headers: Mapping[str, str] | None = None) -> web.Response:
    return web.Response(
        text=text,
        status=status,
        headers={"x-request-id": secrets.token_hex(16), **(headers or {})},
        content_type="application/json",
    )
