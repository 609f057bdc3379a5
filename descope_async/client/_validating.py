"""The parts with which a client validates session tokens."""

from __future__ import annotations

from descope_async._calls.key_set_fetch import KeySetFetch
from descope_async._calls.transport import Transport
from descope_async._config.config import Config
from descope_async._tokens.key_set_file import KeySetFile
from descope_async._tokens.project_validation import ProjectValidation
from descope_async._tokens.signing_keys import SigningKeys
from descope_async.events._telemetry import Telemetry


class Validating:
    """The parts with which a client validates session tokens.

    Attributes:
        key_set_fetch: Fetches the project's signing keys.
        signing_keys: Keeps them.
        validation: Has the validator of the project.

    Raises:
        ConfigurationError: The keys that the client was given are unusable.
    """

    def __init__(self, config: Config, transport: Transport, telemetry: Telemetry) -> None:
        self.key_set_fetch = KeySetFetch(config, transport)
        self.signing_keys = SigningKeys(
            self.key_set_fetch.fetch,
            config.clock,
            None if config.key_set is None else config.key_set.text,
            telemetry,
            _file_of(config),
        )
        self.validation = ProjectValidation(config, self.signing_keys, telemetry)


def _file_of(config: Config) -> KeySetFile | None:
    path = config.key_set_file
    return None if path is None else KeySetFile(path, lambda: config.project, config.clock)
