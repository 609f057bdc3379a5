"""A client's settings: arguments over environment over defaults."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from ssl import SSLContext
from typing import Final, TypeVar, cast

from attrs import AttrsInstance, field, frozen

from descope_async._arguments import deliver as checked_deliver
from descope_async._arguments import hooks as checked_hooks
from descope_async._arguments import json_object, value_or_mapping
from descope_async._runtime.clock import SYSTEM_CLOCK, Clock
from descope_async._values.numbers import is_within
from descope_async._values.secret import Secret
from descope_async.errors import ConfigurationError, InvalidArgument
from descope_async.events import Hook
from descope_async.secret_stores import _private_files as private_files
from descope_async.settings import Deliver, Limits, ReplayStore, Retries, Timeouts

from . import extra_headers
from .base_url import read_base_url
from .environment import ENVIRONMENT, given, given_key
from .extra_headers import RequestId
from .issuers import issuers as read_issuers
from .project import base_url_for
from .project import project_id as read_project_id
from .route import Route, check_route, current_route
from .tls import is_checking, tls

Options = TypeVar("Options", bound=AttrsInstance)

_MAX_LEEWAY: Final = 300
_NOTHING: Final = Secret[object](None)
_NO_PROJECT: Final = (
    "no project id: set DESCOPE_PROJECT_ID, or pass project_id when the client is made"
)
_NO_MANAGEMENT_KEY: Final = (
    "this call needs a management key: set DESCOPE_MANAGEMENT_KEY, or pass management_key "
    "when the client is made"
)


@frozen(kw_only=True)
class Config:
    """A client's settings, checked.

    Attributes:
        project_id: The project; empty while there is none.
        is_local: Whether nothing but this machine may be connected to, since TLS does not say who
            answers.
        trust_env: Whether the environment may name a proxy.
    """

    project_id: str
    management_key: Secret[str] | None
    auth_management_key: Secret[str] | None
    base_url: str
    public_key: str | None = field(repr=False)
    key_set: str | None = field(repr=False)
    key_set_file: Path | None
    leeway: float
    issuers: tuple[str, ...]
    timeouts: Timeouts
    retries: Retries
    ssl: SSLContext | None
    is_local: bool
    trust_env: bool
    replay_store: ReplayStore | None = field(default=None, repr=False)
    headers: Secret[Mapping[str, str]] = field(factory=lambda: Secret({}))
    user_agent: str = ""
    external_request_id: RequestId | None = field(default=None, repr=False)
    limits: Limits = field(factory=Limits)
    hooks: tuple[Hook, ...] = field(default=(), repr=False)
    deliver: Deliver | None = field(default=None, repr=False)
    clock: Clock = field(default=SYSTEM_CLOCK, repr=False)

    def route(self) -> Route:
        """The way to the service now.

        Raises:
            ConfigurationError: What the environment says of it cannot be used.
        """
        return current_route(read_base_url(self.base_url), self.ssl, trust_env=self.trust_env)

    def missing(self, *, management: bool) -> Iterator[str]:
        """A sentence for each setting that is missing.

        Args:
            management: Whether a management key is needed.
        """
        if not self.project_id:
            yield _NO_PROJECT
        if management and self.management_key is None:
            yield _NO_MANAGEMENT_KEY

    def require_project(self) -> str:
        """The project.

        Raises:
            ConfigurationError: There is none.
        """
        if not self.project_id:
            raise ConfigurationError(_NO_PROJECT)
        return self.project_id

    def management_bearer(self) -> Secret[str]:
        """What authorizes a management call.

        Raises:
            ConfigurationError: The client has no project or no management key.
        """
        project = self.require_project()
        if self.management_key is None:
            raise ConfigurationError(_NO_MANAGEMENT_KEY)
        return Secret(f"{project}:{self.management_key.reveal()}")

    def exchange_bearer(self, access_key: Secret[str]) -> Secret[str]:
        """What authorizes the exchange of an access key.

        Raises:
            ConfigurationError: The client has no project.
        """
        project = self.require_project()
        if self.auth_management_key is None:
            return Secret(f"{project}:{access_key.reveal()}")
        return Secret(f"{project}:{access_key.reveal()}:{self.auth_management_key.reveal()}")


def resolve(
    *,
    project_id: object,
    management_key: Secret[object],
    auth_management_key: Secret[object],
    base_url: object,
    public_key: object,
    key_set: object,
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

    Raises:
        ConfigurationError: A setting is unusable. The message names it.
    """
    try:
        project = read_project_id(given(project_id, environment, "DESCOPE_PROJECT_ID"))
        url = base_url_for(
            project, given(base_url, environment, "DESCOPE_BASE_URI", "DESCOPE_BASE_URL")
        )
        context = tls(ssl, url)
        is_trusted = _is_trusted(trust_env)
        check_route(url, context, trust_env=is_trusted)
        pinned = _key_text("public_key", given(public_key, environment, "DESCOPE_PUBLIC_KEY"))
        return Config(
            project_id=project,
            management_key=given_key("management_key", management_key, environment),
            auth_management_key=given_key("auth_management_key", auth_management_key, environment),
            base_url=str(url),
            public_key=pinned,
            key_set=_kept_keys(key_set, pinned),
            key_set_file=_key_set_file(key_set_file, pinned),
            leeway=_leeway(leeway),
            issuers=read_issuers(issuers, project),
            timeouts=_options("timeouts", Timeouts, timeouts),
            retries=_options("retries", Retries, retries),
            ssl=context,
            is_local=url.scheme == "http" or not is_checking(context),
            trust_env=is_trusted,
            replay_store=_replay_store(replay_store),
            headers=extra_headers.headers(headers),
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


def _key_text(parameter: str, value: object) -> str | None:
    if value is None or value == "":
        return None
    if isinstance(value, Mapping):
        return json.dumps(json_object(parameter, cast("object", value)))
    if not isinstance(value, str):
        raise ConfigurationError(
            f"{parameter} must be a string of JSON or a mapping, not {type(value).__name__}"
        )
    return value


def _kept_keys(value: object, pinned: str | None) -> str | None:
    kept = _key_text("key_set", value)
    if kept is not None and pinned is not None:
        raise ConfigurationError("key_set has no use beside public_key, which is exclusive")
    return kept


def _key_set_file(value: object, pinned: str | None) -> Path | None:
    if value is None or value == "":
        return None
    path = private_files.file_path(value)
    if path is None:
        raise ConfigurationError(
            "key_set_file must be the path of a file, in characters that names of files can have"
        )
    if pinned is not None:
        raise ConfigurationError("key_set_file has no use beside public_key, which is exclusive")
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
