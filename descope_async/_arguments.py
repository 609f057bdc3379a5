"""What callers may pass: checked, cleaned, and refused with a sentence before any I/O.

Every check takes ``object``, since callers without a type checker pass anything, and names the
parameter in its error. None repeats a value that could be a secret.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from ipaddress import ip_network
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from ._runtime.coroutine_functions import is_coroutine_function
from ._values.numbers import LATEST, is_within
from ._values.secret import Secret
from ._values.value import made_of
from .dpop_request import DPoPRequest
from .errors import InvalidArgument
from .events import Hook
from .models import AccessKeyLoginOptions, AssociatedTenant, SortField
from .settings import Deliver

if TYPE_CHECKING:
    from attrs import AttrsInstance

T = TypeVar("T", bound="AttrsInstance")
U = TypeVar("U")

_PRINTABLE: Final = re.compile(r"[\x21-\x7e]+")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def identifier(parameter: str, value: object) -> str:
    """The id of an access key."""
    if not isinstance(value, str):
        raise InvalidArgument(f"{parameter} must be a string, not {type(value).__name__}")
    stripped = str.strip(value)
    if not stripped:
        raise InvalidArgument(f"{parameter} is empty")
    if not _PRINTABLE.fullmatch(stripped):
        raise InvalidArgument(
            f"{parameter} holds a space, a control character or a character outside ASCII"
        )
    return stripped


def identifiers(parameter: str, value: object) -> list[str]:
    """The ids of a batch: at least one, each once."""
    items = _items(parameter, value, "ids")
    found = [identifier(f"{parameter}[{index}]", item) for index, item in enumerate(items)]
    if not found:
        raise InvalidArgument(f"{parameter} is empty; a batch needs at least one id")
    if len(set(found)) < len(found):
        twice = next(item for item, times in Counter(found).items() if times > 1)
        raise InvalidArgument(f"{parameter} names {twice!r} more than once")
    return found


def text(parameter: str, value: object) -> str:
    """Free text, which may be empty."""
    if not isinstance(value, str):
        raise InvalidArgument(f"{parameter} must be a string, not {type(value).__name__}")
    plain = str.__str__(value)  # a subclass, such as an enum's, may show something else
    try:
        plain.encode()
    except UnicodeEncodeError:
        raise InvalidArgument(f"{parameter} holds half of a surrogate pair") from None
    return plain


def label(parameter: str, value: object) -> str:
    """A name, or the id of something that is not an access key: a line that is not empty."""
    line = text(parameter, value).strip()
    if not line:
        raise InvalidArgument(f"{parameter} is empty")
    if _CONTROL.search(line):
        raise InvalidArgument(f"{parameter} holds a control character")
    return line


def labels(parameter: str, value: object) -> list[str]:
    """A list of names."""
    items = _items(parameter, value, "strings")
    return [label(f"{parameter}[{index}]", item) for index, item in enumerate(items)]


def expiry(parameter: str, value: object) -> int:
    """Epoch seconds, 0 for never."""
    if isinstance(value, datetime):
        if value.utcoffset() is None:
            raise InvalidArgument(
                f"{parameter} is a datetime without a time zone; give it one, such as timezone.utc"
            )
        seconds = int(value.timestamp())
        if seconds <= 0:
            raise InvalidArgument(f"{parameter} does not lie after 1970-01-01T00:00:00Z")
        return seconds
    if isinstance(value, bool) or not isinstance(value, int):
        raise InvalidArgument(
            f"{parameter} must be whole epoch seconds or an aware datetime, "
            f"not {type(value).__name__}"
        )
    number = int.__int__(value)
    if number < 0:
        raise InvalidArgument(f"{parameter} is negative; pass epoch seconds, or 0 for never")
    if number > LATEST:
        raise InvalidArgument(f"{parameter} lies after the year 9999; is it in milliseconds?")
    return number


def tenants(parameter: str, value: object) -> list[AssociatedTenant]:
    """Tenants, each an AssociatedTenant or a mapping of its fields."""
    found: list[AssociatedTenant] = []
    for index, item in enumerate(_items(parameter, value, "AssociatedTenant")):
        where = f"{parameter}[{index}]"
        tenant = value_or_mapping(where, item, AssociatedTenant)
        found.append(
            AssociatedTenant(
                label(f"{where}.tenant_id", tenant.tenant_id),
                labels(f"{where}.role_names", tenant.role_names),
            )
        )
    return found


def addresses(parameter: str, value: object) -> list[str]:
    """IP addresses and CIDR ranges."""
    found = labels(parameter, value)
    for index, address in enumerate(found):
        if not _is_network(address):
            raise InvalidArgument(
                f"{parameter}[{index}] is {address!r}; pass an IP address such as "
                "'10.0.0.1' or a range such as '10.0.0.0/8' or '2001:db8::/32'"
            )
    return found


def _is_network(address: str) -> bool:
    base, slash, bits = address.partition("/")
    if "%" in base or (slash and not bits.isdecimal()):  # Python also takes zones and netmasks
        return False
    try:
        ip_network(address, strict=False)
    except ValueError:
        return False
    return True


def json_object(parameter: str, value: object) -> dict[str, Any]:
    """A mapping that JSON can carry, copied, so that later changes by the caller have no effect."""
    if not isinstance(value, Mapping):
        raise InvalidArgument(f"{parameter} must be a mapping, not {type(value).__name__}")
    found = dict(cast("Mapping[str, Any]", value))
    if not all(isinstance(key, str) for key in found):
        raise InvalidArgument(f"{parameter} has a key that is not a string")
    try:
        written = json.dumps(found, ensure_ascii=False, allow_nan=False)
        written.encode()
        return cast("dict[str, Any]", json.loads(written))
    except RecursionError:
        raise InvalidArgument(f"{parameter} is nested too deeply for JSON") from None
    except (TypeError, ValueError) as error:
        raise InvalidArgument(f"{parameter} cannot be written as JSON: {error}") from None


def login_options(parameter: str, value: object) -> AccessKeyLoginOptions:
    """Login options, or a mapping of their fields; None for none."""
    if value is None:
        return AccessKeyLoginOptions()
    options = value_or_mapping(parameter, value, AccessKeyLoginOptions)
    claims, tenant = options.custom_claims, options.selected_tenant
    return AccessKeyLoginOptions(
        None if claims is None else json_object(f"{parameter}.custom_claims", claims),
        None if tenant is None else label(f"{parameter}.selected_tenant", tenant),
    )


def dpop_request(parameter: str, given: Secret[object]) -> DPoPRequest:
    """What a proof is to be checked against."""
    # Other values may be the proof itself, or hold it: no traceback may show them.
    kind = type(given.reveal())
    if not issubclass(kind, DPoPRequest):
        raise InvalidArgument(f"{parameter} must be a DPoPRequest, not {kind.__name__}")
    return cast("DPoPRequest", given.reveal())


def sort_fields(parameter: str, value: object) -> list[SortField]:
    """Sort criteria, each a SortField or a mapping of its fields."""
    found: list[SortField] = []
    for index, item in enumerate(_items(parameter, value, "SortField")):
        where = f"{parameter}[{index}]"
        criterion = value_or_mapping(where, item, SortField)
        name = label(f"{where}.field", criterion.field)
        if not isinstance(criterion.desc, bool):
            raise InvalidArgument(f"{where}.desc must be True or False")
        found.append(SortField(name, criterion.desc))
    return found


def hooks(parameter: str, value: object) -> tuple[Hook, ...]:
    """Callables that take an event; None for none."""
    if value is None:
        return ()
    if not isinstance(value, Sequence):
        raise InvalidArgument(f"{parameter} must be a list of callables")
    found = tuple(cast("Sequence[object]", value))
    for index, hook in enumerate(found):
        if not callable(hook):
            raise InvalidArgument(f"{parameter}[{index}] cannot be called: {type(hook).__name__}")
        if is_coroutine_function(hook):
            raise InvalidArgument(
                f"{parameter}[{index}] must be a plain function: nobody awaits it"
            )
    return cast("tuple[Hook, ...]", found)


def deliver(parameter: str, value: object) -> Deliver | None:
    """What stores a new secret; None for nothing."""
    if value is None or callable(value):
        return value
    raise InvalidArgument(
        f"{parameter} must be a callable that takes a DeliveredSecret, not {type(value).__name__}"
    )


def seconds(parameter: str, value: object, least: float, most: float) -> float:
    """A span of time."""
    if not is_within(value, least, most):
        raise InvalidArgument(f"{parameter} must be from {least:g} to {most:g} seconds")
    return float(value)


def audience(parameter: str, value: object) -> frozenset[str] | None:
    """The audiences of which a token must name one; None for no demand."""
    if value is None:
        return None
    found = [label(parameter, value)] if isinstance(value, str) else labels(parameter, value)
    if not found:
        raise InvalidArgument(f"{parameter} is empty; pass None to demand no audience")
    return frozenset(found)


def on_unknown(parameter: str, value: object) -> bool:
    """Whether to reconcile rather than to raise."""
    if value not in ("raise", "reconcile"):
        raise InvalidArgument(f"{parameter} must be 'raise' or 'reconcile'")
    return value == "reconcile"


def _items(parameter: str, value: object, kind: str) -> list[object]:
    given = type(value).__name__
    # A string and a mapping can be iterated over, which is never what was meant.
    if isinstance(value, Iterable) and not isinstance(value, str | bytes | Mapping):
        return list(cast("Iterable[object]", value))
    raise InvalidArgument(f"{parameter} must be a list of {kind}, not a single {given}")


def value_or_mapping(parameter: str, value: object, cls: type[T]) -> T:
    """A value of a class, or what a mapping of its fields makes."""
    if isinstance(value, cls):
        return value
    if not isinstance(value, Mapping):
        raise InvalidArgument(
            f"{parameter} must be {cls.__name__} or a mapping, not {type(value).__name__}"
        )
    return made_of(parameter, cast("Mapping[str, Any]", value), cls)


def unless_none(check: Callable[[str, object], U], parameter: str, value: object) -> U | None:
    """What a check makes of an argument that may be left out; None where it is."""
    return None if value is None else check(parameter, value)
