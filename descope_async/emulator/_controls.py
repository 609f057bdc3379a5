"""What tests steer while an emulator runs, from Python and through the control door alike."""

from __future__ import annotations

from attrs import evolve

from . import _arguments as arguments
from ._error_answers import Refusal
from ._instance import Instance
from ._memory.records import new_id
from ._operations import jwt_templates
from .errors import EmulatorError
from .token_shapes import LIFETIMES, TokenShape

#: How long ago a token expired that is made expired.
_EXPIRED_FOR = 3600


def token_lifetime(seconds: object) -> int:
    """The seconds that were given, if a session token can live that long.

    Raises:
        EmulatorError: They cannot.
    """
    return arguments.integer("token_lifetime", seconds, LIFETIMES, "1 second to 4 weeks")


async def set_token_lifetime(
    instance: Instance, seconds: int | None, project_id: str | None
) -> None:
    """Let a project's session tokens live so long; None for the emulator's default."""
    lifetime = None if seconds is None else token_lifetime(seconds)
    project, mark = instance.project(project_id), instance.state.mark
    project.change(evolve(project.settings, token_lifetime=lifetime))
    await instance.state.settle(mark)


async def set_token_shape(
    instance: Instance, shape: TokenShape | str | None, project_id: str | None, key_id: str | None
) -> None:
    """Let the session tokens of a project, or of one access key, look like this.

    Args:
        instance: The emulator.
        shape: The shape, the id of a JWT template of the project that has it, or None for the
            default. A key without a shape has its project's.
        project_id: The project; None for the first one.
        key_id: The access key; None for all keys of the project that have no shape of their own.
    """
    project, mark = instance.project(project_id), instance.state.mark
    if isinstance(shape, str):
        try:
            shape = jwt_templates.shape_of(jwt_templates.named(project, shape))
        except Refusal as refusal:
            raise EmulatorError(refusal.message) from refusal
    if shape is not None and not isinstance(shape, TokenShape):
        raise EmulatorError("shape must be a TokenShape, the id of a JWT template, or None")
    if key_id is None:
        instance.shapes_before.setdefault((project.id, None), project.settings.token_shape)
        project.change(evolve(project.settings, token_shape=shape))
    else:
        key = project.access_keys.get(arguments.text("key_id", key_id))
        if key is None:
            raise EmulatorError(f"there is no access key {key_id}")
        instance.shapes_before.setdefault((project.id, key_id), key.token_shape)
        project.access_keys.put(evolve(key, token_shape=shape))
    await instance.state.settle(mark)


async def expired_token(instance: Instance, project_id: str | None) -> str:
    """A session token that expired an hour ago, and is right otherwise."""
    project, mark = instance.project(project_id), instance.state.mark
    signing = await instance.signers.of(project).ready()
    claims = {"sub": new_id("K"), "drn": "DS"}
    past = evolve(signing, issued=signing.now - 2 * _EXPIRED_FOR)
    token, _ = past.sign(claims, f"{instance.base_url}/{project.id}", _EXPIRED_FOR)
    await instance.state.settle(mark)
    return token


async def rotate_signing_keys(
    instance: Instance, project_id: str | None, *, revoke: bool = False
) -> None:
    """Sign with a new key; the old ones stay published unless they are revoked."""
    mark = instance.state.mark
    await instance.signers.of(instance.project(project_id)).rotate(revoke=revoke)
    await instance.state.settle(mark)


async def set_wrong_kid(instance: Instance, wrong: bool, project_id: str | None) -> None:
    """Let each of a project's tokens name a signing key that is not published, or one that is."""
    wrong = arguments.flag("wrong", wrong)
    instance.signers.of(instance.project(project_id)).wrong_kid = wrong


async def set_cache_control(instance: Instance, value: str) -> None:
    """Send key sets with this ``Cache-Control`` header, or, if empty, with none."""
    instance.signers.cache_control = arguments.header("cache_control", value)


async def set_rate_limits(instance: Instance, enabled: bool) -> None:
    """Switch the service's rate limits on, or off and forget what was counted."""
    instance.rate_limits.reset()
    instance.rate_limits.enabled = arguments.flag("enabled", enabled)


async def reset(instance: Instance) -> None:
    """Undo everything that was steered."""
    mark = instance.state.mark
    instance.clock.reset()
    instance.signers.reset()
    instance.requests.clear()
    instance.faults.clear()
    instance.rate_limits.reset()
    for project in instance.state.projects.values():
        if project.settings.token_lifetime is not None:
            project.change(evolve(project.settings, token_lifetime=None))
    for (project_id, key_id), shape in instance.shapes_before.items():
        project = instance.state.projects[project_id]
        if key_id is None:
            project.change(evolve(project.settings, token_shape=shape))
        elif key := project.access_keys.get(key_id):
            project.access_keys.put(evolve(key, token_shape=shape))
    instance.shapes_before.clear()
    await instance.state.settle(mark)
