"""A client's settings: arguments over environment over defaults."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Final, TypeVar, cast

from attrs import AttrsInstance, field, frozen

from descope_async._arguments import deliver as checked_deliver
from descope_async._arguments import hooks as checked_hooks
from descope_async._arguments import labels, value_or_mapping
from descope_async._files.paths import file_path
from descope_async._runtime.clock import SYSTEM_CLOCK, Clock
from descope_async._values.numbers import is_within
from descope_async._values.secret import Secret
from descope_async.errors import ConfigurationError, InvalidArgument
from descope_async.events import Hook
from descope_async.events._telemetry import Service
from descope_async.settings import Deliver, Limits, ReplayStore, Retries, Timeouts

from . import extra_headers
from .deployment import Deployment, ProjectArguments
from .environment import ENVIRONMENT, KEY_SET, JSONText
from .extra_headers import RequestId
from .project import Project
from .route import Route, check_route, current_route

Options = TypeVar("Options", bound=AttrsInstance)

_MAX_LEEWAY: Final = 300
_NOTHING: Final = Secret[object](None)


@frozen(kw_only=True)
class Config:
    """A client's settings, checked.

    Attributes:
        deployment: Project and keys, and where the service is.
        trust_env: Whether the environment may name a proxy.
        secrets: What must not be shown, if a server repeats it: management keys, and what else goes
            into headers.
    """

    deployment: Deployment = field(repr=False)
    key_set: JSONText | None = field(repr=False)
    key_set_file: Path | None
    leeway: float
    timeouts: Timeouts
    retries: Retries
    trust_env: bool
    replay_store: ReplayStore | None = field(default=None, repr=False)
    headers: Secret[Mapping[str, str]] = field(factory=lambda: Secret({}))
    secrets: Collection[Secret[str]] = ()
    user_agent: str = ""
    external_request_id: RequestId | None = field(default=None, repr=False)
    limits: Limits = field(factory=Limits)
    hooks: tuple[Hook, ...] = field(default=(), repr=False)
    deliver: Deliver | None = field(default=None, repr=False)
    clock: Clock = field(default=SYSTEM_CLOCK, repr=False)

    @property
    def project(self) -> Project:
        """The project, which stays from now on.

        Raises:
            ConfigurationError: There is none, or a setting is unusable.
        """
        return self.deployment.project

    @property
    def has_keys(self) -> bool:
        """Whether the client was given keys to check session tokens with, or a file that keeps them."""
        given = (self.key_set, self.key_set_file, self.deployment.known_project.public_key)
        return any(each is not None for each in given)

    def service(self) -> Service:
        """Where calls go, for the events about them.

        Raises:
            ConfigurationError: There is no project, or a setting is unusable.
        """
        project = self.deployment.project
        return Service(project.id, project.base_url.host, project.base_url.port)

    def route(self) -> Route:
        """The way to the service now.

        Raises:
            ConfigurationError: What the environment says of it cannot be used.
        """
        project = self.project
        return current_route(project.base_url, project.ssl, trust_env=self.trust_env)


def resolve(
    written: Mapping[str, Secret[object]],
    *,
    key_set_file: object = None,
    leeway: object,
    issuers: object,
    timeouts: object,
    retries: object,
    ssl: object,
    trust_env: object,
    replay_store: object = None,
    headers: Secret[object] = _NOTHING,
    user_agent: object = None,
    external_request_id: object = None,
    limits: object = None,
    hooks: object = None,
    deliver: object = None,
    clock: object = None,
    environment: Secret[Mapping[str, str]] = ENVIRONMENT,
) -> Config:
    """The settings of a client, made of what its constructor was given.

    An empty argument or variable counts as not given. A missing setting is no error here: the call
    that needs it refuses.

    ``written`` are the arguments that may hold a secret, also one that belongs elsewhere, by the names
    of their parameters.

    Raises:
        ConfigurationError: A setting is unusable. The message names it.
    """
    try:
        kept = KEY_SET.given(written[KEY_SET.parameter], environment)
        file = _key_set_file(key_set_file)
        arguments = ProjectArguments(
            issuers=() if issuers is None else tuple(labels("issuers", issuers)),
            ssl=ssl,
            kept_keys="key_set" if kept else "key_set_file" if file else "",
        )
        deployment = Deployment(written, arguments, environment)
        added = extra_headers.headers(headers)
        deployment.known_keys += extra_headers.credentials(added)
        project, is_trusted = deployment.known_project, _is_trusted(trust_env)
        check_route(project.base_url, project.ssl, trust_env=is_trusted)
        return Config(
            deployment=deployment,
            key_set=None if kept is None else kept.json(),
            key_set_file=file,
            leeway=_leeway(leeway),
            timeouts=_options("timeouts", Timeouts, timeouts),
            retries=_options("retries", Retries, retries),
            trust_env=is_trusted,
            replay_store=_replay_store(replay_store),
            headers=added,
            secrets=deployment.known_keys,
            user_agent=extra_headers.user_agent(user_agent),
            external_request_id=extra_headers.external_request_id(external_request_id),
            limits=_options("limits", Limits, limits),
            hooks=checked_hooks("hooks", hooks),
            deliver=checked_deliver("deliver", deliver),
            clock=_clock(clock),
        )
    except ConfigurationError:
        raise
    except InvalidArgument as error:
        raise ConfigurationError(str(error)) from None


def _key_set_file(value: object) -> Path | None:
    if value is None or value == "":
        return None
    path = file_path("key_set_file", value)
    if os.path.isdir(path):  # noqa: PTH112 - Path.is_dir raises for a name that is too long
        raise ConfigurationError(f"key_set_file: {path} is a folder; name a file in it")
    return path.absolute()


def _leeway(value: object) -> float:
    if not is_within(value, 0, _MAX_LEEWAY):
        raise ConfigurationError(f"jwt_validation_leeway must be 0 to {_MAX_LEEWAY} seconds")
    return float(value)


def _replay_store(value: object) -> ReplayStore | None:
    if value is not None and not callable(getattr(value, "first_use", None)):
        raise ConfigurationError("replay_store must have a method first_use(proof_id, seconds)")
    return cast("ReplayStore | None", value)


def _clock(value: object) -> Clock:
    if value is None:
        return SYSTEM_CLOCK
    if not isinstance(value, Clock):
        raise ConfigurationError(
            "clock must be a descope_async.testing.Clock, such as EmulatorClock(emulator.clock), "
            f"not {type(value).__module__}.{type(value).__qualname__}"
        )
    return value


def _options(parameter: str, cls: type[Options], value: object) -> Options:
    return cls() if value is None else value_or_mapping(parameter, value, cls)


def _is_trusted(trust_env: object) -> bool:
    if not isinstance(trust_env, bool):
        raise ConfigurationError("trust_env must be True or False")
    return trust_env
