"""What tests steer while an emulator runs, from Python and through the control door alike."""

from __future__ import annotations

from typing import Final

from . import arguments
from .instance import Instance

#: 1 second to 4 weeks, as the service allows from 3 minutes on.
_LIFETIMES: Final = range(1, 4 * 7 * 24 * 3600 + 1)


def token_lifetime(seconds: object) -> int:
    """The seconds, if session tokens can live so long.

    Raises:
        EmulatorError: They cannot.
    """
    return arguments.integer("token_lifetime", seconds, _LIFETIMES, "1 second to 4 weeks")


async def set_token_lifetime(
    instance: Instance, seconds: int | None, project_id: str | None
) -> None:
    """Let a project's session tokens live so long; None for the emulator's default."""
    lifetime = None if seconds is None else token_lifetime(seconds)
    instance.state.set_token_lifetime(instance.project(project_id).id, lifetime)
    await instance.state.settle()


async def rotate_signing_keys(
    instance: Instance, project_id: str | None, *, revoke: bool = False
) -> None:
    """Sign with a new key; the old ones stay published unless they are revoked."""
    await instance.signers.of(instance.project(project_id)).rotate(revoke=revoke)
    await instance.state.settle()


async def set_wrong_kid(instance: Instance, wrong: bool, project_id: str | None) -> None:
    """Let each of a project's tokens name a key that is not published, or a published one."""
    wrong = arguments.flag("wrong", wrong)
    instance.signers.of(instance.project(project_id)).wrong_kid = wrong


async def set_cache_control(instance: Instance, value: str) -> None:
    """Send key sets with this ``Cache-Control`` header, or, if empty, with none."""
    instance.signers.cache_control = arguments.header("cache_control", value)


async def reset(instance: Instance) -> None:
    """Undo everything that was steered."""
    instance.clock.reset()
    instance.signers.reset()
    instance.requests.clear()
    instance.faults.clear()
    for project_id in instance.state.project_ids:
        if instance.state.token_lifetime(project_id) is not None:
            instance.state.set_token_lifetime(project_id, None)
    await instance.state.settle()
