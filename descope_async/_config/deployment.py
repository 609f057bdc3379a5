"""The settings that differ from one deployment to another: project, keys, and where the service is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
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
    JSONText,
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


@frozen(eq=False, repr=False)
class ProjectArguments:
    """The arguments of a client that depend on its project, and cannot stand in the environment.

    Attributes:
        issuers: Further issuers, as the caller has named them.
        ssl: TLS settings.
        kept_keys: The argument that keeps signing keys, which has no use beside a public key; empty for
            none.
    """

    issuers: tuple[str, ...] = ()
    ssl: object = None
    kept_keys: str = ""


class Deployment:
    """What a client is told about its project, by arguments and by the environment.

    A program may make its client before it has loaded its environment. So what is missing when the
    client is made is looked for again when it is needed, and stays from then on. What is there is
    checked at once, and does not change any more.

    Args:
        written: What the client was given of what may also stand in the environment, by the names of its
            parameters.
        arguments: What it was given else.
        environment: The environment.

    Attributes:
        known_keys: The management keys that were given, or found when they were needed.

    Raises:
        ConfigurationError: A setting is unusable. The message names it.
    """

    known_keys: list[Secret[str]]

    def __init__(
        self,
        written: Mapping[str, Secret[object]],
        arguments: ProjectArguments,
        environment: Secret[Mapping[str, str]] = ENVIRONMENT,
    ) -> None:
        self._arguments = arguments
        self._environment = environment
        settings = (PROJECT_ID, BASE_URL, PUBLIC_KEY, MANAGEMENT_KEY, AUTH_MANAGEMENT_KEY)
        given = {each: each.given(written[each.parameter], environment) for each in settings}
        self._given = given
        # As text, because the caller may change a mapping later.
        self._public_key = _json(given[PUBLIC_KEY])
        self._project_at_first = self._project_of(
            self._public_key, given[PROJECT_ID], given[BASE_URL]
        )
        keys = [_key(given[each]) for each in (MANAGEMENT_KEY, AUTH_MANAGEMENT_KEY)]
        self.known_keys = [key for key in keys if key is not None]

    @property
    def known_project(self) -> Project:
        """The project as far as it is known without another look at the environment."""
        known: Project = vars(self).get("project", self._project_at_first)
        return known

    @late
    def project(self) -> Project:
        """The project, which stays from now on.

        Raises:
            ConfigurationError: There is none, or a setting is unusable.
        """
        return self._find_project()

    def project_so_far(self) -> Project:
        """The project by the environment as it is now. Another one may be found until one is needed.

        Raises:
            ConfigurationError: A setting is unusable.
        """
        if "project" in vars(self):
            return self.project
        public_key = self._public_key or _json(self._find(PUBLIC_KEY))
        return self._project_of(public_key, self._find(PROJECT_ID), self._find(BASE_URL))

    def problems(self, *, management: bool) -> Iterator[str]:
        """A sentence for each setting that is missing, or was found to be unusable after the client was made.

        Args:
            management: Whether a management key is needed.
        """
        looks: dict[str, Callable[[], object]] = {"project": self._find_project}
        if management:
            looks["_management_key"] = self._find_management_key
        looks["_auth_management_key"] = self._find_auth_management_key
        for name, look in looks.items():
            if name in vars(self):  # it was used, so it stays
                continue
            try:
                look()
            except ConfigurationError as error:
                yield str(error)

    @late
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
        key = self._find_management_key()
        self.known_keys.append(key)
        return key

    @late
    def _auth_management_key(self) -> Secret[str] | None:
        key = self._find_auth_management_key()
        if key is not None:
            self.known_keys.append(key)
        return key

    def _find_project(self) -> Project:
        found = self.project_so_far()
        if not found.id:
            raise ConfigurationError(_NO_PROJECT)
        return found

    def _find_management_key(self) -> Secret[str]:
        key = _key(self._find(MANAGEMENT_KEY))
        if key is None:
            raise ConfigurationError(_NO_MANAGEMENT_KEY)
        return key

    def _find_auth_management_key(self) -> Secret[str] | None:
        return _key(self._find(AUTH_MANAGEMENT_KEY))

    def _project_of(
        self, public_key: JSONText | None, given_id: Given | None, given_url: Given | None
    ) -> Project:
        if public_key is not None and self._arguments.kept_keys:
            raise ConfigurationError(
                f"{self._arguments.kept_keys} has no use beside {public_key.name}, which is exclusive"
            )
        project = project_id(given_id)
        url = base_url_for(project, given_url)
        return Project(
            id=project,
            base_url=url,
            public_key=public_key,
            issuers=issuers(self._arguments.issuers, project),
            ssl=tls(self._arguments.ssl, url),
        )

    def _find(self, setting: Setting) -> Given | None:
        return self._given[setting] or setting.given(_NOTHING, self._environment)


def _json(given: Given | None) -> JSONText | None:
    return None if given is None else given.json()


def _key(given: Given | None) -> Secret[str] | None:
    return None if given is None else given.key()
