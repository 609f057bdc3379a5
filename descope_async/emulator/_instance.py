"""An emulator that has been started: its parts, and calls of them that do not come over HTTP."""

from __future__ import annotations

from collections.abc import Callable

from attrs import field, frozen

from . import _arguments as arguments
from ._error_answers import Refusal
from ._faults.matching import Faults
from ._fields import Fields
from ._json import Json, from_python
from ._memory.project import Project
from ._memory.signing_keys import Signers
from ._memory.state import State
from ._operations.call import Call
from ._rate_limits import RateLimits
from .clock import Clock
from .errors import EmulatorError
from .request_log import RequestLog
from .token_shapes import TokenShape


@frozen(kw_only=True)
class Instance:
    """What a started emulator consists of.

    Attributes:
        state: Everything it knows.
        clock: Its time.
        signers: What signs its tokens.
        requests: Which requests came.
        faults: By which rules requests go wrong.
        rate_limits: How many requests are answered in which time.
        strict: Whether roles, tenants and attributes must exist.
        project_id: The first project.
        base_url: The URL at which it can be reached from this machine.
        shapes_before: The token shapes that were there before they were steered, by project and
            access key (None for the project's own).
        author: The id of the management key that calls from Python are made with.
        management_key: That key.
    """

    state: State
    clock: Clock
    signers: Signers
    requests: RequestLog
    faults: Faults
    rate_limits: RateLimits
    strict: bool
    project_id: str
    base_url: str
    author: str
    management_key: str = field(repr=False)
    shapes_before: dict[tuple[str, str | None], TokenShape | None] = field(
        factory=dict[tuple[str, str | None], TokenShape | None]
    )

    @property
    def first_project(self) -> Project:
        """The first project."""
        return self.state.projects[self.project_id]

    def project(self, project_id: str | None) -> Project:
        """The project of this id; None for the first one.

        Raises:
            EmulatorError: There is none.
        """
        if project_id is None:
            project_id = self.project_id
        try:
            return self.state.project(arguments.text("project_id", project_id))
        except Refusal as refusal:
            raise EmulatorError(f"there is no project {project_id}") from refusal

    async def act(
        self, operation: Callable[[Call], Json], values: Json, project_id: str | None
    ) -> Json:
        """Do what a request with these values would do.

        Raises:
            EmulatorError: The request would be refused.
        """
        project, mark = self.project(project_id), self.state.mark
        try:
            fields = Fields(from_python(values))
            call = Call(project, fields, self.clock.stamp(), self.author, self.strict)
            answer = operation(call)
        except Refusal as refusal:
            raise EmulatorError(refusal.message) from refusal
        await self.state.settle(mark)
        return answer
