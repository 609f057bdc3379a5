"""What is called, and how to see whether it was done."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from attrs import frozen

#: A client of either package: what its calls return is awaited where that is possible.
Client = Any
Key = Mapping[str, Any]


@frozen
class Subject:
    """What a call is about: an access key that nothing else is about.

    Attributes:
        key_id: Its id.
        name: Its name, and the beginning of the name of one that is made.
        secret: Its secret, before the call.
        token: A session token.
    """

    key_id: str
    name: str
    secret: str
    token: str


@frozen
class Operation:
    """A call.

    Attributes:
        name: What the local Descope calls the request.
        column: Under which head of the page it stands.
        call: Makes the call.
        is_done: Whether the key (None for none) shows that it was done; None where nothing could.
        inactive: Whether the key must be inactive before.
        is_once: Whether it must not be done twice, and brings a secret.
        reconciles: Whether it finds out by itself what became of it.
    """

    name: str
    column: str
    call: Callable[[Client, Subject], Any]
    is_done: Callable[[Key | None], bool] | None = None
    inactive: bool = False
    is_once: bool = False
    reconciles: bool = False


def _has(status: str) -> Callable[[Key | None], bool]:
    return lambda key: key is not None and key["status"] == status


def _is_gone(key: Key | None) -> bool:
    return key is None


def _is_renamed(key: Key | None) -> bool:
    return key is not None and key["name"].endswith("-renamed")


READS: Final = "`load`, `search_all_access_keys`, `update`"
CHANGES: Final = "`activate`, `deactivate`, `delete`, and their batches"
ONCE: Final = "`create`, `rotate`"
CREATE: Final = '`create`, `on_unknown="reconcile"`'
ROTATE: Final = '`rotate`, `on_unknown="reconcile"`'
EXCHANGE: Final = "`exchange_access_key`"
KEY_SET: Final = "`validate_session`, the key set"
COLUMNS: Final = (READS, CHANGES, ONCE, CREATE, ROTATE, EXCHANGE, KEY_SET)

_FIRST: Final = (
    Operation("access_key.load", READS, lambda c, s: c.mgmt.access_key.load(s.key_id)),
    Operation("access_key.search", READS, lambda c, _: c.mgmt.access_key.search_all_access_keys()),
    Operation(
        "access_key.update",
        READS,
        lambda c, s: c.mgmt.access_key.update(s.key_id, f"{s.name}-renamed"),
        _is_renamed,
    ),
    Operation(
        "access_key.activate",
        CHANGES,
        lambda c, s: c.mgmt.access_key.activate(s.key_id),
        _has("active"),
        inactive=True,
    ),
    Operation(
        "access_key.deactivate",
        CHANGES,
        lambda c, s: c.mgmt.access_key.deactivate(s.key_id),
        _has("inactive"),
    ),
    Operation(
        "access_key.delete", CHANGES, lambda c, s: c.mgmt.access_key.delete(s.key_id), _is_gone
    ),
    Operation(
        "access_key.activate_batch",
        CHANGES,
        lambda c, s: c.mgmt.access_key.activate_batch([s.key_id]),
        _has("active"),
        inactive=True,
    ),
    Operation(
        "access_key.deactivate_batch",
        CHANGES,
        lambda c, s: c.mgmt.access_key.deactivate_batch([s.key_id]),
        _has("inactive"),
    ),
    Operation(
        "access_key.create",
        ONCE,
        lambda c, s: c.mgmt.access_key.create(f"{s.name}-made"),
        is_once=True,
    ),
    Operation(
        "access_key.rotate", ONCE, lambda c, s: c.mgmt.access_key.rotate(s.key_id), is_once=True
    ),
    Operation("key_set", KEY_SET, lambda c, s: c.validate_session(s.token)),
)
_DELETE_BATCH: Final = Operation(
    "access_key.delete_batch",
    CHANGES,
    lambda c, s: c.mgmt.access_key.delete_batch([s.key_id]),
    _is_gone,
)
_EXCHANGE: Final = Operation("exchange", EXCHANGE, lambda c, s: c.exchange_access_key(s.secret))
_CREATE: Final = Operation(
    "access_key.create",
    CREATE,
    lambda c, s: c.mgmt.access_key.create(f"{s.name}-made", on_unknown="reconcile"),
    is_once=True,
    reconciles=True,
)
_ROTATE: Final = Operation(
    "access_key.rotate",
    ROTATE,
    lambda c, s: c.mgmt.access_key.rotate(s.key_id, on_unknown="reconcile"),
    is_once=True,
    reconciles=True,
)
#: Those of a round are called at once. The later ones also send requests of other names, which must
#: not be struck in place of others.
ROUNDS: Final = (_FIRST, (_DELETE_BATCH, _EXCHANGE), (_ROTATE,), (_CREATE,))
