"""The values that calls take and return: frozen, typed, without a reference to any client."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final, Literal, cast

from attrs import field, frozen
from attrs.converters import optional

from ._runtime.clock import SYSTEM_CLOCK
from ._runtime.late_imports import late_import
from ._runtime.unclaimed import take
from ._values.secret import Secret
from ._values.strict_json import ReadOnlyDict, read_only_mapping
from ._values.value import Value
from .errors import InvalidArgument

__all__ = [
    "AccessKey",
    "AccessKeyLoginOptions",
    "AssociatedTenant",
    "CreatedAccessKey",
    "DeliveredSecret",
    "SortField",
]

_NO_MEMBERS: Final = ReadOnlyDict()


def names(value: Iterable[str]) -> tuple[str, ...]:
    """The names in a list of them.

    Raises:
        InvalidArgument: A single string, whose letters would otherwise be taken for names, or
            something in the list that is not a non-empty string.
    """
    given: object = value  # callers without a type checker pass anything
    if type(given) is not tuple:  # which the values of an answer are: they are checked here too
        if isinstance(given, str | bytes) or not isinstance(given, Iterable):
            raise InvalidArgument(f"pass a list of names, not a single {type(given).__name__}")
        given = tuple(cast("Iterable[object]", given))
    for name in cast("tuple[object, ...]", given):
        if not isinstance(name, str) or not name:
            raise InvalidArgument("every name in a list of names must be a non-empty string")
    return cast("tuple[str, ...]", given)


def _read_only(members: Mapping[str, Any]) -> Mapping[str, Any]:
    given: object = members  # callers without a type checker pass anything
    if not isinstance(given, Mapping):
        raise InvalidArgument(f"pass a mapping, not {type(given).__name__}")
    return read_only_mapping("the mapping", members)


def _names_or_none(value: Iterable[str] | None) -> tuple[str, ...]:
    return () if value is None else names(value)


# The JSON names stand below this module, since they are those of these values.
@late_import
def _json_names() -> tuple[
    Callable[[object], dict[str, Any]],
    Callable[[object, type[AccessKey]], AccessKey],
    Callable[[str], str],
]:
    """What writes a value, what reads one, and what an attribute is called."""
    from ._calls.members import camel
    from ._calls.wire import from_wire, to_wire

    return to_wire, from_wire, camel


class _WireValue(Value):
    """A value that the service knows: its dict has the service's own names."""

    __slots__ = ()

    def to_dict(self, *, secrets: bool = False) -> dict[str, Any]:  # noqa: ARG002 - as all values
        """The value under the service's own names, ``extra`` included, ready for JSON.

        Args:
            secrets: Changes nothing: there is none in it.
        """
        to_wire, _, _ = _json_names()
        return to_wire(self)

    @classmethod
    def _accept(cls, given: object) -> Any:
        if isinstance(given, cls):
            return given
        _, from_wire, _ = _json_names()
        return from_wire(given, cast("type[AccessKey]", cls))

    @classmethod
    def _json_name(cls, attribute: str) -> str:
        _, _, camel = _json_names()
        return camel(attribute)


@frozen(eq=False, repr=False)
class AssociatedTenant(_WireValue):
    """A tenant that an access key belongs to, with the key's roles in it.

    Attributes:
        tenant_id: The tenant's id.
        role_names: The key's roles in this tenant.
        tenant_name: The tenant's name, as the service reports it; not sent.
        extra: What the service reported beyond that; not sent.
    """

    tenant_id: str
    role_names: tuple[str, ...] = field(default=(), converter=_names_or_none)
    tenant_name: str = ""
    extra: Mapping[str, Any] = field(
        default=_NO_MEMBERS, converter=_read_only, kw_only=True, hash=False
    )


@frozen(kw_only=True, eq=False, repr=False)
class AccessKey(_WireValue):
    """An access key as the service keeps it; its secret is not part of it.

    Attributes:
        id: The key's id.
        name: Its name, which need not be unique.
        description: Free text, empty when none was given.
        status: ``"active"`` or ``"inactive"``. An expired key may still say ``"active"``.
        role_names: Roles on the project. A key with tenants has roles there instead.
        key_tenants: The tenants that the key belongs to.
        bound_user_id: The user whose roles and tenants the key takes; empty when unbound.
        client_id: The key's OAuth client id.
        custom_claims: Claims at the top level of every session token of this key.
        custom_attributes: Values of attributes that the project declares for access keys.
        permitted_ips: IP addresses and CIDR ranges that may use the key; empty for all.
        created_by: Who created it.
        created_time: When, in epoch seconds.
        expire_time: When it stops working, in epoch seconds; 0 for never.
        editable: Whether the calling management key may change it.
        extra: Whatever else the service reported, under the service's names.
    """

    id: str
    name: str = ""
    description: str = ""
    status: str = ""
    role_names: tuple[str, ...] = ()
    key_tenants: tuple[AssociatedTenant, ...] = ()
    bound_user_id: str = ""
    client_id: str = ""
    custom_claims: Mapping[str, Any] = field(default=_NO_MEMBERS, converter=_read_only, hash=False)
    custom_attributes: Mapping[str, Any] = field(
        default=_NO_MEMBERS, converter=_read_only, hash=False
    )
    permitted_ips: tuple[str, ...] = ()
    created_by: str = ""
    created_time: int = 0
    expire_time: int = 0
    editable: bool = False
    extra: Mapping[str, Any] = field(default=_NO_MEMBERS, converter=_read_only, hash=False)

    @property
    def created_at(self) -> datetime:
        """``created_time`` as an aware datetime in UTC."""
        return moment(self.created_time)

    @property
    def expires_at(self) -> datetime | None:
        """``expire_time`` as an aware datetime in UTC; None for never."""
        return moment(self.expire_time) if self.expire_time else None

    @property
    def is_expired(self) -> bool:
        """Whether ``expire_time`` has passed, by this machine's clock."""
        return 0 < self.expire_time <= SYSTEM_CLOCK.now()

    @property
    def is_active(self) -> bool:
        """Whether the key can be used now: active and not expired."""
        return self.status == "active" and not self.is_expired


@frozen(eq=False, repr=False)
class CreatedAccessKey(Value):
    """An access key with the secret that was made for it.

    Attributes:
        key: The access key.
        cleartext: The secret. It is shown this once: store it before anything else.
    """

    key: AccessKey
    cleartext: str = field(repr=False)


class _TakenWhenRead:
    """An attribute with a secret: once it is read, the secret does not count as unclaimed."""

    def __init__(self, slot: Any) -> None:
        self._slot = slot

    def __get__(self, value: object, owner: type | None = None) -> Any:
        if value is None:
            return self
        take(value)
        return self._slot.__get__(value, owner)

    def __set__(self, value: object, cleartext: str) -> None:
        self._slot.__set__(value, cleartext)


_CLEARTEXT: Final[Any] = vars(CreatedAccessKey)["cleartext"]
# attrs has no hook for reading, so this is a descriptor. asdict, evolve, copy and pickle use it
# too.
setattr(CreatedAccessKey, "cleartext", _TakenWhenRead(_CLEARTEXT))  # noqa: B010 - the name has another type for type checkers


def secret_of(created: CreatedAccessKey) -> Secret[str]:
    """The secret of a new key, without that counting as reading it."""
    return Secret(_CLEARTEXT.__get__(created, CreatedAccessKey))


@frozen(kw_only=True, eq=False, repr=False)
class DeliveredSecret(Value):
    """A new secret, as ``deliver`` gets it.

    Attributes:
        cleartext: The secret. It is shown this once: store it.
        operation: The call that made it: ``"create"`` or ``"rotate"``. It is ``"create"`` too when
            ``on_unknown="reconcile"`` found the key and gave it a new secret.
        key: The access key; None when the answer was damaged, and only its secret could be read.
        key_id: The key's id; None when it is not known.
        name: The key's name; None when it is not known.
    """

    cleartext: str = field(repr=False)
    operation: Literal["create", "rotate"]
    key: AccessKey | None = None
    key_id: str | None = None
    name: str | None = None


@frozen(eq=False, repr=False)
class SortField(_WireValue):
    """One criterion of the order of a search.

    Attributes:
        field: A field of the access key under the service's name, such as ``"createdTime"``.
        desc: Whether the largest comes first.
    """

    field: str
    desc: bool = False


@frozen(eq=False, repr=False)
class AccessKeyLoginOptions(_WireValue):
    """What a machine may ask for when it exchanges its access key.

    Attributes:
        custom_claims: Claims to nest under ``nsec`` in the token. Chosen by the caller, so a
            receiver must not authorise on them.
        selected_tenant: The tenant to act in (the token's ``dct``); None for no choice.
    """

    custom_claims: Mapping[str, Any] | None = field(
        default=None, converter=optional(_read_only), hash=False
    )
    selected_tenant: str | None = None


def moment(epoch_seconds: float) -> datetime:
    """An aware datetime in UTC; the last one that Python knows for anything later."""
    try:
        return datetime.fromtimestamp(epoch_seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return datetime.max.replace(tzinfo=UTC)
