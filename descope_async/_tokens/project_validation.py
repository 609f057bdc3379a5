"""The validator of a client's project, which is made at the first use: until then it may have no project."""

from __future__ import annotations

from collections.abc import Iterator

from descope_async._config.config import Config
from descope_async._config.project import Project, default_base_url
from descope_async._runtime.late import late
from descope_async.errors import ConfigurationError
from descope_async.events._telemetry import Telemetry

from .claim_rules import ClaimRules, issuers_of
from .pinned_keys import PinnedKeys
from .signatures import import_handle_maker
from .signing_keys import SigningKeys
from .validation import SessionValidator


class ProjectValidation:
    """Holds the validator of a client's project.

    Args:
        config: The client's settings.
        signing_keys: The signing keys that the service publishes.
        telemetry: Receives the events.

    Raises:
        ConfigurationError: The public key that the client was given is unusable.
    """

    def __init__(self, config: Config, signing_keys: SigningKeys, telemetry: Telemetry) -> None:
        self._config = config
        self._signing_keys = signing_keys
        self._telemetry = telemetry
        self._pinned = _pinned_keys(config.deployment.known_project)

    async def validator(self) -> SessionValidator:
        """The validator. What signing keys need is imported on a worker thread.

        Raises:
            ConfigurationError: There is no project, or a setting is unusable.
        """
        if "_validator" not in vars(self) and self._config.project.public_key is not None:
            await import_handle_maker()
        return self.validator_nowait()

    def validator_nowait(self) -> SessionValidator:
        """As `validator`, on the calling thread.

        Raises:
            ConfigurationError: There is no project, or a setting is unusable.
        """
        return self._validator

    def problems(self) -> Iterator[str]:
        """A sentence, where a public key that was set after the client was made is unusable."""
        if self._pinned is not None:
            return
        try:
            _pinned_keys(self._config.deployment.project_so_far())
        except ConfigurationError as error:
            yield str(error)

    @late
    def _validator(self) -> SessionValidator:
        config, project = self._config, self._config.project
        issuers = issuers_of(project.id, str(project.base_url), default_base_url(project.id))
        rules = ClaimRules(project.id, issuers.union(project.issuers), config.leeway)
        keys = self._pinned or _pinned_keys(project) or self._signing_keys
        return SessionValidator(keys, rules, config.clock, config.replay_store, self._telemetry)


def _pinned_keys(project: Project) -> PinnedKeys | None:
    given = project.public_key
    return None if given is None else PinnedKeys.parse(given.text, given.name)
