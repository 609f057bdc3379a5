"""The parts of a client, which are imported when they are first needed.

They know nothing of the client itself. So one that is forgotten is collected at once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from descope_async._calls.transport import Transport
from descope_async._config.config import Config
from descope_async._runtime.imports_aside import all_imported, imported
from descope_async._runtime.late import late
from descope_async._runtime.late_imports import LateImport, late_import
from descope_async._values.secret import Secret
from descope_async.errors import RequestFailed
from descope_async.events._telemetry import Telemetry
from descope_async.models import AccessKeyLoginOptions

if TYPE_CHECKING:
    from descope_async._calls.readiness import Readiness
    from descope_async._keys.exchange import Exchange, MintedToken
    from descope_async._tokens.validation import SessionValidator
    from descope_async.access_keys import AccessKeys

    from ._exchanging import Exchanging
    from ._validating import Validating

T = TypeVar("T")


@late_import
def _import_validating() -> type[Validating]:
    """A process that only manages access keys needs nothing of this."""
    from ._validating import Validating

    return Validating


@late_import
def _import_exchanging() -> type[Exchanging]:
    """A process that only validates session tokens needs nothing of this."""
    from ._exchanging import Exchanging

    return Exchanging


@late_import
def import_access_keys() -> type[AccessKeys]:
    """A process that makes no management call needs nothing of them."""
    from descope_async.access_keys import AccessKeys

    return AccessKeys


@late_import
def import_readiness() -> type[Readiness]:
    """It needs what validates session tokens."""
    from descope_async._calls.readiness import Readiness

    return Readiness


def needed(late: LateImport[T]) -> T:
    """What a late import returns.

    Raises:
        RequestFailed: The process cannot open another file.
    """
    try:
        return late()
    except OSError as error:
        raise _not_imported(error) from error


async def needed_aside(late: LateImport[T]) -> T:
    """As `needed`. On an event loop it is imported on a worker thread."""
    try:
        return await imported(late)
    except OSError as error:
        raise _not_imported(error) from error


async def all_needed() -> None:
    """Make all late imports, as `needed_aside` makes one."""
    try:
        await all_imported()
    except OSError as error:
        raise _not_imported(error) from error


def _not_imported(error: OSError) -> RequestFailed:
    return RequestFailed(f"a module of the client cannot be imported: {error}")


class _LatePart(Generic[T]):
    """An attribute whose value is made, and its class imported, when it is first asked for."""

    def __init__(self, kind: LateImport[type[T]], make: Callable[[Any, type[T]], T]) -> None:
        self._kind = kind
        self._make = make

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, holder: object | None, owner: type) -> Any:
        kind = needed(self._kind)
        if holder is None:
            return kind
        # Python finds it in the object's dict before it asks here again.
        return vars(holder).setdefault(self._name, self._make(holder, kind))


def late_part(kind: LateImport[type[T]], make: Callable[[Any, type[T]], T]) -> Any:
    """As `part`, for one that is made when it is first asked for.

    Args:
        kind: Imports the part's class.
        make: Makes the part, of the object that holds it and of the class.
    """
    return _LatePart(kind, make)


class Parts:
    """The parts with which a client validates session tokens and exchanges access keys.

    Where the process cannot open another file to import a part, RequestFailed is raised.

    Attributes:
        validator: What validates the project's session tokens; None until it was needed. It is looked at
            for each token.

    Raises:
        ConfigurationError: The keys that the client was given are unusable.
    """

    validator: SessionValidator | None = None

    def __init__(self, config: Config, transport: Transport, telemetry: Telemetry) -> None:
        self._config = config
        self._transport = transport
        self._telemetry = telemetry
        self._is_closed = False
        if config.has_keys:  # unusable ones are refused now
            _ = self.validating

    @late
    def validating(self) -> Validating:
        """What validates session tokens."""
        return needed(_import_validating)(self._config, self._transport, self._telemetry)

    @late
    def exchanging(self) -> Exchanging:
        """What exchanges access keys, for callers that cannot wait."""
        make = needed(_import_exchanging)
        mine = make(self._config, self._transport, self._telemetry, self.validating.validation)
        # `aclose` in another thread either finds it here, or has marked the client before.
        made: Exchanging = vars(self).setdefault("exchanging", mine)
        if self._is_closed:
            made.shared.is_closed = True
        return made

    async def find_validator(self) -> SessionValidator:
        """The validator. What it needs is imported on a worker thread.

        Raises:
            ConfigurationError: There is no project, or a setting is unusable.
        """
        if self.validator is None:
            await needed_aside(_import_validating)
        self.validator = await self.validating.validation.validator()
        return self.validator

    def find_validator_nowait(self) -> SessionValidator:
        """As `find_validator`, on the calling thread."""
        self.validator = self.validating.validation.validator_nowait()
        return self.validator

    async def find_exchange(self) -> Exchange:
        """What exchanges an access key. What it needs is imported on a worker thread."""
        await needed_aside(_import_validating)
        await needed_aside(_import_exchanging)
        return self.exchanging.exchange

    async def mint(self, access_key: Secret[str], options: AccessKeyLoginOptions) -> MintedToken:
        """As `Exchange.mint`."""
        exchange = await self.find_exchange()
        return await exchange.mint(access_key, options)

    async def aclose(self) -> None:
        """Renew nothing any more. What is made from now on is closed."""
        self._is_closed = True
        made = vars(self)
        if "exchanging" in made:
            await self.exchanging.renewals.aclose()
        if "validating" in made:
            await self.validating.signing_keys.aclose()
