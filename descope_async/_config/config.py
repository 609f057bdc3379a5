"""A client's settings: arguments over environment over defaults."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from ssl import CERT_REQUIRED, SSLContext
from typing import Any, Final, TypeVar, cast

from attrs import AttrsInstance, field, fields, frozen

from descope_async._arguments import deliver as checked_deliver
from descope_async._arguments import hooks as checked_hooks
from descope_async._arguments import labels
from descope_async._runtime.clock import SYSTEM_CLOCK, Clock
from descope_async._values.secret import Secret, credential
from descope_async.errors import ConfigurationError, InvalidArgument
from descope_async.events import Hook
from descope_async.secret_stores import stored_text
from descope_async.secret_stores.environment import variable
from descope_async.settings import Deliver, ReplayStore, Retries, Timeouts

from .address import BaseURL, Proxy, base_url, proxy_for

Options = TypeVar("Options", bound=AttrsInstance)

_DEFAULT_HOST: Final = "api.descope.com"
#: Project ids of this length and more name their region in the characters after the first.
_REGIONAL_LENGTH: Final = 32
_MAX_LEEWAY: Final = 300
#: A secret as a whole: a traceback that shows variables must not show the process's.
_ENVIRONMENT: Final = Secret[Mapping[str, str]](os.environ)
_NO_PROJECT: Final = (
    "no project id: pass project_id to the client or set DESCOPE_PROJECT_ID before it is made"
)
_NO_MANAGEMENT_KEY: Final = (
    "this call needs a management key: pass management_key to the client or set "
    "DESCOPE_MANAGEMENT_KEY before it is made"
)
_PROJECT_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,128}")


@frozen(kw_only=True)
class Config:
    """A client's settings, checked.

    Attributes:
        project_id: The project; empty while there is none.
        is_local: Whether nothing but this machine may be connected to, since TLS does not say who
            answers.
    """

    project_id: str
    management_key: Secret[str] | None
    auth_management_key: Secret[str] | None
    base_url: str
    public_key: str | None = field(repr=False)
    key_set: str | None = field(repr=False)
    leeway: float
    issuers: tuple[str, ...]
    timeouts: Timeouts
    retries: Retries
    ssl: SSLContext | None
    is_local: bool
    proxy: Proxy | None
    replay_store: ReplayStore | None = field(default=None, repr=False)
    hooks: tuple[Hook, ...] = field(default=(), repr=False)
    deliver: Deliver | None = field(default=None, repr=False)
    clock: Clock = field(default=SYSTEM_CLOCK, repr=False)

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
    leeway: object,
    issuers: object,
    timeouts: object,
    retries: object,
    ssl: object,
    trust_env: object,
    replay_store: object = None,
    hooks: object = None,
    deliver: object = None,
    clock: object = None,
    environment: Secret[Mapping[str, str]] = _ENVIRONMENT,
) -> Config:
    """The settings of a client from what its constructor was given.

    An empty argument or variable counts as not given. What is missing is told when it is needed.

    Raises:
        ConfigurationError: A setting is unusable. The message names it.
    """
    try:
        project = _project_id(_given(project_id, environment, "DESCOPE_PROJECT_ID"))
        url = _base_url(
            _given(base_url, environment, "DESCOPE_BASE_URI", "DESCOPE_BASE_URL"), project
        )
        context = _ssl(ssl, url)
        pinned = _key_text("public_key", _given(public_key, environment, "DESCOPE_PUBLIC_KEY"))
        return Config(
            project_id=project,
            management_key=_key("management_key", management_key, environment),
            auth_management_key=_key("auth_management_key", auth_management_key, environment),
            base_url=str(url),
            public_key=pinned,
            key_set=_kept_keys(key_set, pinned),
            leeway=_leeway(leeway),
            issuers=tuple(labels("issuers", issuers)) if issuers is not None else (),
            timeouts=_options("timeouts", Timeouts, timeouts),
            retries=_options("retries", Retries, retries),
            ssl=context,
            is_local=url.scheme == "http" or not _checks(context),
            proxy=proxy_for(url) if _is_trusted(trust_env) else None,
            replay_store=_replay_store(replay_store),
            hooks=checked_hooks("hooks", hooks),
            deliver=checked_deliver("deliver", deliver),
            clock=_clock(clock),
        )
    except ConfigurationError:
        raise
    except InvalidArgument as error:
        raise ConfigurationError(str(error)) from None


def default_base_url(project_id: str) -> str:
    """Where a project is served: its region is part of a long id."""
    if len(project_id) < _REGIONAL_LENGTH:
        return f"https://{_DEFAULT_HOST}"
    return f"https://api.{project_id[1:5]}.descope.com"


def _given(value: object, environment: Secret[Mapping[str, str]], *variables: str) -> object:
    """An argument, else the first of its variables that is set; None for neither."""
    if value is not None and value != "":
        return value
    found = (variable(name, environment.reveal()) for name in variables)
    return next(filter(None, found), None)


def _project_id(value: object) -> str:
    if value is None or value == "":
        return ""
    if not isinstance(value, str):
        raise ConfigurationError(f"project_id must be a string, not {type(value).__name__}")
    stripped = stored_text.cleaned(value)
    if problem := stored_text.placeholder(stripped):
        raise ConfigurationError(
            f"project_id {problem}; it stands on the project page of the console"
        )
    if not _PROJECT_ID.fullmatch(stripped):
        raise ConfigurationError(
            "project_id must consist of letters and digits; it starts with P and stands on the "
            "project page of the console"
        )
    return stripped


def _key(
    parameter: str, given: Secret[object], environment: Secret[Mapping[str, str]]
) -> Secret[str] | None:
    if given.reveal() is None or given.reveal() == "":
        name = f"DESCOPE_{parameter.upper()}"
        found = Secret[object](variable(name, environment.reveal()))
        return None if found.reveal() is None else credential(name, found)
    return credential(parameter, given)


def _base_url(value: object, project_id: str) -> BaseURL:
    if value is None:
        return base_url(default_base_url(project_id))
    if not isinstance(value, str):
        raise ConfigurationError(f"base_url must be a string, not {type(value).__name__}")
    found = base_url(value)
    if found.scheme == "http" and not found.is_loopback:
        raise ConfigurationError(
            "base_url must use https: plain http would show the keys to the network. It is allowed "
            "to this machine only: reach a local Descope in a container by http://localhost and the "
            "port that it publishes, or let it speak TLS, and trust its certificate by ssl"
        )
    return found


def _key_text(parameter: str, value: object) -> str | None:
    if value is None or value == "":
        return None
    if isinstance(value, Mapping):
        try:
            return json.dumps(value)
        except (TypeError, ValueError):
            raise ConfigurationError(f"{parameter} must be a mapping of what JSON has") from None
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


def _leeway(value: object) -> float:
    if (
        isinstance(value, bool)
        or not isinstance(value, int | float)
        or not 0 <= value <= _MAX_LEEWAY
    ):
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
    if value is None:
        return cls()
    if isinstance(value, cls):
        return value
    names = [attribute.name for attribute in fields(cls)]
    given = cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {"": None}
    if not set(given) <= set(names):
        raise ConfigurationError(
            f"{parameter} must be {cls.__name__} or a mapping of {', '.join(names)}"
        )
    return cls(**given)


def _is_trusted(trust_env: object) -> bool:
    if not isinstance(trust_env, bool):
        raise ConfigurationError("trust_env must be True or False")
    return trust_env


def _ssl(value: object, base_url: BaseURL) -> SSLContext | None:
    if value is None:
        return None
    trust = "to trust your own authority use ssl.create_default_context(cafile=…)"
    if not isinstance(value, SSLContext):
        raise ConfigurationError(
            f"ssl must be an ssl.SSLContext; certificates are always checked, so {trust}"
        )
    if not _checks(value) and not base_url.is_loopback:
        raise ConfigurationError(
            "ssl must check certificates and host names, except to this machine: without that, "
            f"anybody on the way could take the keys; {trust}"
        )
    return value


def _checks(context: SSLContext | None) -> bool:
    """Whether a context makes sure who answers; the default one does."""
    return context is None or (context.verify_mode is CERT_REQUIRED and context.check_hostname)
