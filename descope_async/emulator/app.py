"""The door: HTTP in, rules called, JSON out. Nothing leaves before it is stored."""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from aiohttp import HttpVersion11, web
from attrs import frozen

from . import access_keys, roles, sessions, tenants, users
from .answers import Code, Json, Problem, Refusal, error_body
from .authorization import bearer
from .clock import Clock
from .fields import Fields, parse
from .listening import host_name, is_loopback
from .otp import METHODS, Codes
from .project import Call, Project
from .signing import Algorithm, Signer
from .state import State

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
        token_lifetime: Seconds that a session token lives.
        signing_algorithm: What tokens are signed with.
        rate_limit_tier: What the license says.
    """

    any_host: bool
    token_lifetime: int
    signing_algorithm: Algorithm
    rate_limit_tier: str = "tier1"


class App:
    """Answers requests."""

    def __init__(self, state: State, clock: Clock, settings: Settings) -> None:
        self._state = state
        self._clock = clock
        self._settings = settings
        self._signers: dict[str, Signer] = {}
        codes = Codes()
        self._codes = codes
        self._rules: Mapping[tuple[str, str], Rule] = {
            **access_keys.ROUTES,
            **tenants.ROUTES,
            **roles.ROUTES,
            **users.ROUTES,
            ("POST", "/v1/mgmt/tests/generate/otp"): codes.generate,
        }
        self._visits: Mapping[tuple[str, str], Visit] = {
            ("POST", "/v1/auth/accesskey/exchange"): self._exchange,
            ("GET", "/v1/mgmt/license"): self._license,
            **{("POST", f"/v1/auth/otp/verify/{each}"): self._verify_code for each in METHODS},
        }
        self._methods: dict[str, set[str]] = {}
        for method, path in (*self._rules, *self._visits):
            self._methods.setdefault(path, set()).add(method)

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """The answer to any request whatever."""
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
        return _json(text, code.status if code else 200, headers)

    def signer(self, project: Project) -> Signer:
        """What signs the project's tokens."""
        if project.id not in self._signers:
            algorithm = self._settings.signing_algorithm
            self._signers[project.id] = Signer(project, algorithm, self._clock)
        return self._signers[project.id]

    async def _decide(self, request: web.BaseRequest) -> Json:
        host = host_name(request.headers.get("Host", ""))
        if not self._settings.any_host and not is_loopback(host):
            # Else a web page could reach in, by a name of its own that resolves to this machine.
            raise Refusal(Problem.WRONG_HOST, "The Host header must name this machine")
        path = request.path
        if path.startswith("/v2/keys/"):
            if request.method != "GET":
                raise Refusal(Problem.WRONG_METHOD, "The method is not allowed here")
            project = self._state.project(path.removeprefix("/v2/keys/"))
            return await self.signer(project).key_set()
        if path not in self._methods:
            raise Refusal(Problem.NO_PATH, "The emulator has nothing at this path")
        rule = self._rules.get((request.method, path))
        if rule:
            return rule(await self._managed(request))
        visit = self._visits.get((request.method, path))
        if visit:
            return await visit(request)
        raise Refusal(Problem.WRONG_METHOD, "The method is not allowed here")

    async def _managed(self, request: web.BaseRequest) -> Call:
        given = bearer(request.headers.getall("Authorization", []))
        if not given.secret or given.management_key:
            raise Refusal(
                Problem.UNAUTHORIZED, "The Authorization header must be Bearer project:key"
            )
        project = self._state.project(given.first)
        manager = self._state.manager(project.id, given.secret)
        fields = Fields(await _body(request) if request.method != "GET" else dict(request.query))
        return Call(project=project, fields=fields, now=self._clock.now(), author=manager.id)

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
        fields = Fields(await _body(request))
        signer = self.signer(project)
        await signer.prepare()  # from here to the claims nothing else can happen
        now = self._clock.now()
        key = sessions.admit(project, given.secret, request.remote or "", now)
        claims = sessions.key_claims(project, key, fields.child("loginOptions"))
        expiration = now + self._settings.token_lifetime
        token = await signer.sign(claims | _issued(request, project, now, expiration))
        return {"keyId": key.id, "sessionJwt": token, "expiration": expiration}

    async def _verify_code(self, request: web.BaseRequest) -> Json:
        given = bearer(request.headers.getall("Authorization", []))
        project = self._state.project(given.first)
        fields = Fields(await _body(request))
        user = self._codes.redeem(project, fields)
        now = self._clock.now()
        jwts: list[str] = []
        for drn, lifetime in (("DS", self._settings.token_lifetime), ("DSR", _REFRESH_LIFETIME)):
            claims = sessions.user_claims(project, user, drn)
            claims |= _issued(request, project, now, now + lifetime)
            jwts.append(await self.signer(project).sign(claims))
        return {
            "sessionJwt": jwts[0],
            "refreshJwt": jwts[1],
            "user": users.to_json(project, user),
            "firstSeen": True,
        }


class Server(web.Server):
    """Accepts connections. What is not even HTTP is answered in JSON too."""

    def __call__(self) -> web.RequestHandler:
        """The protocol of one more connection."""
        return _Protocol(self, loop=asyncio.get_running_loop(), access_log=_ACCESS_LOG)


class _Protocol(web.RequestHandler):
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


async def _body(request: web.BaseRequest) -> Json:
    expected = request.headers.get("Expect", "").lower()
    if expected == "100-continue" and request.version >= HttpVersion11:
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0  # else aiohttp takes the answer for begun
    return parse(await request.read())


def _issued(request: web.BaseRequest, project: Project, now: int, expiration: int) -> Json:
    issuer = f"{request.scheme}://{request.host}/{project.id}"
    return {"iss": issuer, "iat": now, "exp": expiration}


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
