"""Admission: who is asking, for which project, with which arguments."""

from __future__ import annotations

from aiohttp import HttpVersion11, web
from attrs import field, frozen

from descope_async.emulator._error_answers import Problem, Refusal
from descope_async.emulator._fields import Fields
from descope_async.emulator._instance import Instance
from descope_async.emulator._json import parse
from descope_async.emulator._memory.project import Project
from descope_async.emulator._operations import routes
from descope_async.emulator._operations.call import Call, Visit
from descope_async.emulator._operations.routes import Route

from .authorization import Bearer


@frozen
class Asked:
    """A request, as far as it is understood before it is answered.

    Attributes:
        request: The request.
        route: What it asks for.
        began: When it came, by a clock that only measures durations.
        credentials: What its Authorization header says, or what is wrong with that.
    """

    request: web.BaseRequest
    route: Route
    began: float
    credentials: Bearer | Refusal = field(repr=False)

    @property
    def bearer(self) -> Bearer:
        """What the Authorization header says.

        Raises:
            Refusal: It is missing or malformed.
        """
        if isinstance(self.credentials, Refusal):
            raise self.credentials
        return self.credentials


class Admission:
    """Turns requests into calls and visits, and refuses those that may not do what they ask for."""

    def __init__(self, instance: Instance) -> None:
        self._instance = instance
        self._state = instance.state
        self._clock = instance.clock

    async def call(self, asked: Asked) -> Call:
        """The management call that a request is.

        Raises:
            Refusal: The request may not manage the project that it names.
        """
        project, author = self.manager(asked)
        return Call(
            project=project,
            fields=await read_fields(asked.request),
            now=self._clock.stamp(),
            author=author,
            strict=self._instance.strict,
        )

    def manager(self, asked: Asked) -> tuple[Project, str]:
        """The project that a request may manage, and the id of the management key that it shows."""
        given, now = asked.bearer, self._clock.stamp()
        peer = asked.request.remote or ""
        if not given.secret and asked.route in routes.COMPANY:
            project = self._instance.first_project
            manager = self._state.manager(None, given.first, peer, now)
        elif not given.secret or given.management_key:
            raise Refusal(
                Problem.UNAUTHORIZED, "The Authorization header must be Bearer project:key"
            )
        else:
            project = self._state.project(given.first)
            manager = self._state.manager(project.id, given.secret, peer, now)
        if manager.project_ids and asked.route in routes.MANAGERS:
            raise Refusal(
                Problem.UNAUTHORIZED, "A management key for some projects manages no others"
            )
        return project, manager.id

    async def visit(self, asked: Asked) -> Visit:
        """The visit that a request is.

        Raises:
            Refusal: There is no such project, or a management key in the request is wrong.
        """
        request, given = asked.request, asked.bearer
        project = self._state.project(given.first)
        if given.management_key:
            now = self._clock.stamp()
            self._state.manager(project.id, given.management_key, request.remote or "", now)
        return Visit(
            project=project,
            secret=given.secret,
            fields=await read_fields(request),
            issuer=f"{request.scheme}://{request.host}/{project.id}",
            peer=request.remote or "",
        )


async def read_fields(request: web.BaseRequest) -> Fields:
    """The arguments of a request: its query if it reads something, and else its body."""
    if request.method in {"GET", "DELETE"} and request.query:
        return Fields(dict(request.query))
    expected = request.headers.get("Expect", "").lower()
    if expected == "100-continue" and request.version >= HttpVersion11:
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0  # otherwise aiohttp thinks that the answer has begun
    return Fields(parse(await request.read()))
