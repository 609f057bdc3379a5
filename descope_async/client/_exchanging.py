"""The parts with which a client exchanges access keys."""

from __future__ import annotations

from descope_async._calls.transport import Transport
from descope_async._config.config import Config
from descope_async._keys.exchange import Exchange
from descope_async._keys.renewals import Renewals
from descope_async._keys.shared import Shared
from descope_async._tokens.project_validation import ProjectValidation
from descope_async.events._telemetry import Telemetry


class Exchanging:
    """The parts with which a client exchanges access keys.

    Attributes:
        exchange: Exchanges one.
        shared: What its token sources and verifiers share.
        renewals: The renewals of its token sources.
    """

    def __init__(
        self,
        config: Config,
        transport: Transport,
        telemetry: Telemetry,
        validation: ProjectValidation,
    ) -> None:
        clock = config.clock
        self.exchange = Exchange(config, transport, validation, clock)
        self.shared = Shared(clock, self.exchange.mint, config.timeouts.exchange, telemetry)
        self.renewals = Renewals(self.shared)
