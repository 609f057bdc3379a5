"""Whether a client can do its work: which settings are missing, and what the service says of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final, Literal

from attrs import define, field, frozen

from descope_async._config.certificate_authorities import naming_variables
from descope_async._config.config import Config
from descope_async._tokens.project_validation import ProjectValidation
from descope_async._tokens.signatures import import_handle_maker
from descope_async.errors import (
    ClientClosed,
    ConfigurationError,
    ConnectionFailed,
    DeadlineExceeded,
    DescopeError,
    Forbidden,
    NotFound,
    Unauthorized,
)

from .connections import require_asyncio
from .key_set_fetch import KeySetFetch
from .license import License

#: No key has this id: the service answers "not found" to a client that may manage keys.
_NO_KEY: Final = "AK-client-check"
#: Seconds by which the ``Date`` of an answer may be off, as it has whole seconds and was on its way.
_INEXACT: Final = 2.0

Subject = Literal["settings", "service", "clock", "rights", "tier"]


@frozen(eq=False, repr=False)
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


@define(eq=False, repr=False)
class Examination:
    """What was examined, and what is wrong.

    Attributes:
        examined: What could be examined.
        problems: What is wrong.
        is_answered: Whether the service has answered so far.
    """

    examined: set[Subject] = field(factory=set[Subject])
    problems: list[Problem] = field(factory=list[Problem])
    is_answered: bool = True

    def note(self, about: Subject, *problems: Problem | None) -> None:
        """Take down that something was examined, and what is wrong with it; None for nothing."""
        found = list(filter(None, problems))
        self.problems += found
        self.examined |= {each.about for each in found} or {about}
        for each in found:
            if isinstance(each.error, ConnectionFailed | DeadlineExceeded | ConfigurationError):
                self.is_answered = False


class Readiness:
    """Looks for what stands in a client's way.

    Args:
        config: Its settings.
        validation: What checks session tokens.
        key_set_fetch: Fetches the project's signing keys.
        load: Loads an access key.
        license: The rate-limit tier.
    """

    def __init__(
        self,
        config: Config,
        validation: ProjectValidation,
        key_set_fetch: KeySetFetch,
        load: Callable[[str], Awaitable[object]],
        license: License,
    ) -> None:
        self._config = config
        self._validation = validation
        self._key_set_fetch = key_set_fetch
        self._load = load
        self._license = license

    def missing(self, *, management: bool) -> list[str]:
        """A sentence for each setting that is missing or unusable. Sends nothing."""
        settings = self._config.deployment.problems(management=management)
        # Both name what keeps the public key from being found.
        return list(dict.fromkeys((*settings, *self._validation.problems())))

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
    def authority_variables(self) -> tuple[str, ...]:
        """The environment variables that say which certificate authorities are trusted; empty for the system's.

        Raises:
            ConfigurationError: What they name cannot be used.
        """
        return naming_variables() if self._config.route().context else ()

    async def problems(self, *, management: bool) -> list[str]:
        """As `examine`; a sentence for each problem."""
        examination = await self.examine(management=management)
        return [each.sentence for each in examination.problems]

    async def examine(self, *, management: bool) -> Examination:
        """Look for missing settings, and ask the service what it says of the others.

        One problem does not hide another one. A service that does not answer is asked nothing more.

        Args:
            management: Whether the client is to make management calls.

        Raises:
            ConfigurationError: No asyncio loop runs here.
            ClientClosed: The client is closed.
        """
        require_asyncio()
        await import_handle_maker()  # a public key may have been set meanwhile
        found = Examination()
        missing = self.missing(management=management)
        found.note("settings", *(Problem("settings", each) for each in missing))
        if self.missing(management=False):
            return found
        await self._examine_keys(found)
        if management and not missing and found.is_answered:
            await self._examine_rights(found)
        return found

    async def _examine_keys(self, found: Examination) -> None:
        problem = await _problem_of(
            "service", self._key_set_fetch.fetch(), "the project's signing keys cannot be had"
        )
        found.note("service", problem)
        now, then = self._config.clock.now(), self._key_set_fetch.service_time
        if then is None:
            if problem is None:
                found.note("clock")
            return
        off, leeway = now - then, self._config.leeway
        sentence = f"this machine's clock is {off:+.0f} seconds off the service's; {leeway:g} seconds are allowed"
        found.note("clock", Problem("clock", sentence) if abs(off) > leeway + _INEXACT else None)

    async def _examine_rights(self, found: Examination) -> None:
        problem = await _problem_of("rights", self._load(_NO_KEY), "access keys cannot be managed")
        if problem is not None and isinstance(problem.error, NotFound):
            problem = None
        found.note("rights", problem)
        if not found.is_answered or (problem and isinstance(problem.error, Unauthorized)):
            return
        why = "the project's rate-limit tier cannot be had, so the lowest applies"
        found.note("tier", await _problem_of("tier", self._license.ask(), why))


async def _problem_of(about: Subject, call: Awaitable[object], why: str) -> Problem | None:
    """The problem that a call shows; None when it succeeds.

    Args:
        about: What it concerns.
        call: The call.
        why: How the sentence begins, unless the error says more.
    """
    try:
        await call
    except ClientClosed:
        raise
    except ConfigurationError as error:  # of the way to the service: a proxy, or authorities
        return Problem("settings", str(error), error)
    except DescopeError as error:
        if about == "rights" and isinstance(error, Unauthorized):
            why = "the management key is refused"
        elif about == "rights" and isinstance(error, Forbidden):
            why = "the management key may not manage access keys"
        return Problem(about, f"{why}: {error}", error)
    return None
