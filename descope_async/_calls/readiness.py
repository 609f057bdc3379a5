"""Whether a client can do its work: which settings are missing, and what the service says of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final, Literal

from attrs import frozen

from descope_async._config.certificate_authorities import naming_variables
from descope_async._config.config import Config
from descope_async.errors import DescopeError, Forbidden, NotFound, Unauthorized

from .key_set_fetch import KeySetFetch
from .license import License

#: No key has this id: the service answers "not found" to a client that may manage keys.
_NO_KEY: Final = "AK-client-check"
#: Seconds by which the ``Date`` of an answer may be off, as it has whole seconds and was on its way.
_INEXACT: Final = 2.0

Subject = Literal["settings", "service", "clock", "rights", "tier"]


@frozen
class Problem:
    """Something that stands in a client's way.

    Attributes:
        about: What it concerns.
        sentence: What is wrong.
        error: What the call failed with; None where no call failed.
    """

    about: Subject
    sentence: str
    error: DescopeError | None = None


class Readiness:
    """Looks for what stands in a client's way.

    Args:
        config: Its settings.
        key_set_fetch: Fetches the project's signing keys.
        load: Loads an access key.
        license: The rate-limit tier.
    """

    def __init__(
        self,
        config: Config,
        key_set_fetch: KeySetFetch,
        load: Callable[[str], Awaitable[object]],
        license: License,
    ) -> None:
        self._config = config
        self._key_set_fetch = key_set_fetch
        self._load = load
        self._license = license

    def missing(self, *, management: bool) -> list[str]:
        """A sentence for each setting that is missing. No I/O."""
        return list(self._config.deployment.problems(management=management))

    @property
    def tier(self) -> str | None:
        """The project's rate-limit tier, as far as it is known."""
        return self._license.tier

    @property
    def proxy(self) -> str | None:
        """The proxy that requests go through now, without its credentials; None for none.

        Raises:
            ConfigurationError: What the environment says of the way to the service cannot be used.
        """
        found = self._config.route().proxy
        return None if found is None else found.url

    @property
    def authorities(self) -> tuple[str, ...]:
        """The environment variables that say which certificate authorities are trusted; empty for the system's.

        Raises:
            ConfigurationError: What they name cannot be used.
        """
        return naming_variables() if self._config.route().context else ()

    async def problems(self, *, management: bool) -> list[str]:
        """A sentence for each setting that is missing, and for what the service objects to."""
        return [each.sentence for each in await self.examine(management=management)]

    async def examine(self, *, management: bool) -> list[Problem]:
        """What is missing, and what the service objects to."""
        found = [Problem("settings", each) for each in self.missing(management=management)]
        is_complete = not found
        if not any(each for each in self.missing(management=False)):
            found += await self._problems_of_keys()
        if management and is_complete and all(each.about == "clock" for each in found):
            found += await self._problems_of_management()
        return found

    async def _problems_of_keys(self) -> list[Problem]:
        try:
            await self._key_set_fetch.fetch()
        except DescopeError as error:
            return [Problem("service", f"the project's signing keys cannot be had: {error}", error)]
        now, then = self._config.clock.now(), self._key_set_fetch.service_time
        if then is None or abs(now - then) <= self._config.leeway + _INEXACT:
            return []
        allowed = f"{self._config.leeway:g} seconds are allowed"
        off = f"this machine's clock is {now - then:+.0f} seconds off the service's; {allowed}"
        return [Problem("clock", off)]

    async def _problems_of_management(self) -> list[Problem]:
        try:
            await self._load(_NO_KEY)
        except NotFound:
            pass
        except Unauthorized as error:
            return [Problem("rights", f"the management key is refused: {error}", error)]
        except Forbidden as error:
            return [
                Problem("rights", f"the management key may not manage access keys: {error}", error)
            ]
        except DescopeError as error:
            return [Problem("rights", f"access keys cannot be managed: {error}", error)]
        try:
            await self._license.ask()
        except DescopeError as error:
            said = f"the project's rate-limit tier cannot be had, so the lowest applies: {error}"
            return [Problem("tier", said, error)]
        return []
