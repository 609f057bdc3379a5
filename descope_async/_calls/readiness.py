"""Whether a client can do its work: which settings are missing, and what the service says of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from descope_async._config.config import Config
from descope_async.errors import DescopeError, Forbidden, NotFound, Unauthorized

from .key_set import KeySet
from .license import License

#: No key has this id, so the service says "not found" to whoever may ask for keys.
_NO_KEY: Final = "AK-client-check"
#: Seconds by which the ``Date`` of an answer may be off, as it has whole seconds and was on its way.
_INEXACT: Final = 2.0


class Readiness:
    """Looks for what stands in a client's way.

    Args:
        config: Its settings.
        key_set: Fetches the project's signing keys.
        load: Loads an access key.
        license: The rate-limit tier.
    """

    def __init__(
        self,
        config: Config,
        key_set: KeySet,
        load: Callable[[str], Awaitable[object]],
        license: License,
    ) -> None:
        self._config = config
        self._key_set = key_set
        self._load = load
        self._license = license

    def missing(self, *, management: bool) -> list[str]:
        """A sentence for each setting that is missing. No I/O."""
        return list(self._config.missing(management=management))

    async def problems(self, *, management: bool) -> list[str]:
        """A sentence for each setting that is missing, and for what the service objects to."""
        found = self.missing(management=management)
        if self._config.project_id:
            found += await self._problems_of_keys()
        if management and not found:
            found += await self._problems_of_management()
        return found

    async def _problems_of_keys(self) -> list[str]:
        try:
            await self._key_set.fetch()
        except DescopeError as error:
            return [f"the project's signing keys cannot be had: {error}"]
        now, then = self._config.clock.now(), self._key_set.service_time
        if then is None or abs(now - then) <= self._config.leeway + _INEXACT:
            return []
        allowed = f"{self._config.leeway:g} seconds are allowed"
        return [f"this machine's clock is {now - then:+.0f} seconds off the service's; {allowed}"]

    async def _problems_of_management(self) -> list[str]:
        try:
            await self._load(_NO_KEY)
        except NotFound:
            pass
        except Unauthorized as error:
            return [f"the management key is refused: {error}"]
        except Forbidden as error:
            return [f"the management key may not manage access keys: {error}"]
        except DescopeError as error:
            return [f"access keys cannot be managed: {error}"]
        try:
            await self._license.ask()
        except DescopeError as error:
            return [f"the project's rate-limit tier cannot be had, so the lowest applies: {error}"]
        return []
