"""The settings that differ from one deployment to another: project, keys, and where the service is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from attrs import frozen

from descope_async._runtime.late import late
from descope_async._values.secret import Secret
from descope_async.errors import ConfigurationError

from .environment import (
    AUTH_MANAGEMENT_KEY,
    BASE_URL,
    ENVIRONMENT,
    MANAGEMENT_KEY,
    PROJECT_ID,
    PUBLIC_KEY,
    Given,
    Setting,
)
from .issuers import issuers
from .project import Project, base_url_for, project_id
from .tls import tls

_NOTHING: Final = Secret[object](None)
_NO_PROJECT: Final = (
    "no project id: set DESCOPE_PROJECT_ID, or pass project_id when the client is made"
)
_NO_MANAGEMENT_KEY: Final = (
    "this call needs a management key: set DESCOPE_MANAGEMENT_KEY, or pass management_key "
    "when the client is made"
)


@frozen
class Fixed:
    """The arguments of a client that depend on its project, as they were given.

    Attributes:
        issuers: Further issuers.
        ssl: TLS settings.
        kept_keys: The argument that keeps signing keys, which has no use beside a public key; empty for
            none.
    """

    issuers: object = None
    ssl: object = None
    kept_keys: str = ""


class Deployment:
    """What a client is told about its project, by arguments and by the environment.

    A program may make its client before it has loaded its environment. So what is missing when the
    client is made is looked for again when it is needed, and stays from then on. What is there is
    checked at once, and does not change any more.

    Args:
        arguments: What the client was given, by the names of its parameters.
        fixed: What cannot stand in the environment.
        environment: The environment.

    Raises:
        ConfigurationError: A setting is unusable. The message names it.
    """

    def __init__(
        self,
        arguments: Mapping[str, Secret[object]],
        fixed: Fixed,
        environment: Secret[Mapping[str, str]] = ENVIRONMENT,
    ) -> None:
        self._fixed = fixed
        self._environment = environment
        settings = (PROJECT_ID, BASE_URL, PUBLIC_KEY, MANAGEMENT_KEY, AUTH_MANAGEMENT_KEY)
        self._given = {
            each: each.given(arguments[each.parameter], environment) for each in settings
        }
        self.seen()
        for setting in (MANAGEMENT_KEY, AUTH_MANAGEMENT_KEY):
            self._key(setting)

    @late
    def project(self) -> Project:
        """The project, which stays from now on.

        Raises:
            ConfigurationError: There is none, or a setting is unusable.
        """
        found = self.seen()
        if not found.id:
            raise ConfigurationError(_NO_PROJECT)
        return found

    def seen(self) -> Project:
        """The project as far as it is known. Another one may be found until one is needed.

        Raises:
            ConfigurationError: A setting is unusable.
        """
        if "project" in vars(self):
            return self.project
        given = self._find(PUBLIC_KEY)
        pinned = None if given is None else given.json()
        if pinned is not None and self._fixed.kept_keys:
            raise ConfigurationError(
                f"{self._fixed.kept_keys} has no use beside public_key, which is exclusive"
            )
        project = project_id(self._find(PROJECT_ID))
        url = base_url_for(project, self._find(BASE_URL))
        return Project(
            id=project,
            base_url=url,
            public_key=pinned,
            issuers=issuers(self._fixed.issuers, project),
            ssl=tls(self._fixed.ssl, url),
        )

    def problems(self, *, management: bool) -> Iterator[str]:
        """A sentence for each setting that is missing, or was found to be unusable after the client was made.

        Args:
            management: Whether a management key is needed.
        """
        try:
            if not self.seen().id:
                yield _NO_PROJECT
        except ConfigurationError as error:
            yield str(error)
        try:
            if management and self._key(MANAGEMENT_KEY) is None:
                yield _NO_MANAGEMENT_KEY
        except ConfigurationError as error:
            yield str(error)

    def management_bearer(self) -> Secret[str]:
        """What authorizes a management call.

        Raises:
            ConfigurationError: There is no project or no management key.
        """
        project = self.project.id
        return Secret(f"{project}:{self._management_key.reveal()}")

    def exchange_bearer(self, access_key: Secret[str]) -> Secret[str]:
        """What authorizes the exchange of an access key.

        Raises:
            ConfigurationError: There is no project, or a setting is unusable.
        """
        project, key = self.project.id, self._auth_management_key
        if key is None:
            return Secret(f"{project}:{access_key.reveal()}")
        return Secret(f"{project}:{access_key.reveal()}:{key.reveal()}")

    @late
    def _management_key(self) -> Secret[str]:
        key = self._key(MANAGEMENT_KEY)
        if key is None:
            raise ConfigurationError(_NO_MANAGEMENT_KEY)
        return key

    @late
    def _auth_management_key(self) -> Secret[str] | None:
        return self._key(AUTH_MANAGEMENT_KEY)

    def _key(self, setting: Setting) -> Secret[str] | None:
        given = self._find(setting)
        return None if given is None else given.key()

    def _find(self, setting: Setting) -> Given | None:
        return self._given[setting] or setting.given(_NOTHING, self._environment)
