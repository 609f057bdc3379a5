"""The validator of a client's project, which is made at the first use: until then it may have no project."""

from __future__ import annotations

from descope_async._config.config import Config
from descope_async._config.project import Project, default_base_url
from descope_async.events._telemetry import Telemetry

from .claim_rules import ClaimRules, issuers_of
from .pinned_keys import PinnedKeys
from .signing_keys import SigningKeys
from .validation import SessionValidator


class ProjectValidation:
    """Holds the validator of a client's project.

    Args:
        config: The client's settings.
        signing_keys: The signing keys that the service publishes.
        telemetry: Receives the events.

    Attributes:
        made: The validator; None until it was needed.

    Raises:
        ConfigurationError: The public key that the client was given is unusable.
    """

    made: SessionValidator | None = None

    def __init__(self, config: Config, signing_keys: SigningKeys, telemetry: Telemetry) -> None:
        self._config = config
        self._signing_keys = signing_keys
        self._telemetry = telemetry
        _pinned(config.deployment.known_project)

    def needed(self) -> SessionValidator:
        """The validator.

        Raises:
            ConfigurationError: There is no project, or a setting is unusable.
        """
        if self.made is not None:
            return self.made
        # Of several threads that come first, all get the same one: it remembers used proofs.
        made: SessionValidator = vars(self).setdefault("made", self._make())
        return made

    def _make(self) -> SessionValidator:
        config, project = self._config, self._config.project
        issuers = issuers_of(project.id, str(project.base_url), default_base_url(project.id))
        rules = ClaimRules(project.id, issuers.union(project.issuers), config.leeway)
        keys = _pinned(project) or self._signing_keys
        return SessionValidator(keys, rules, config.clock, config.replay_store, self._telemetry)


def _pinned(project: Project) -> PinnedKeys | None:
    given = project.public_key
    return None if given is None else PinnedKeys.parse(given.text, given.name)
