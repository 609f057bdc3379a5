"""An emulator that has been started: its parts, and the way in for calls that are not HTTP."""

from __future__ import annotations

from collections.abc import Callable

from attrs import frozen

from . import arguments
from ._faults.rules import Faults
from ._memory.project import Call, Project
from ._memory.signing import Signers
from ._memory.state import State
from .answers import Json, Refusal
from .clock import Clock
from .errors import EmulatorError
from .fields import Fields, from_python
from .request_log import RequestLog


@frozen(kw_only=True)
class Instance:
    """What a started emulator consists of.

    Attributes:
        state: Everything it knows.
        clock: Its time.
        signers: What signs its tokens.
        requests: Which requests came.
        faults: By which rules requests go wrong.
        project_id: The first project.
        author: The id of the management key that calls from Python are made with.
    """

    state: State
    clock: Clock
    signers: Signers
    requests: RequestLog
    faults: Faults
    project_id: str
    author: str

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

    async def act(self, rule: Callable[[Call], Json], values: Json, project_id: str | None) -> Json:
        """Do what a request with these values would do.

        Raises:
            EmulatorError: The request would be refused.
        """
        project = self.project(project_id)
        try:
            fields = Fields(from_python(values))
            answer = rule(Call(project, fields, self.clock.stamp(), self.author))
        except Refusal as refusal:
            raise EmulatorError(refusal.message) from refusal
        await self.state.settle()
        return answer
