"""Fault: a rule by which requests go wrong."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, Literal, get_args

from attrs import field, frozen

from descope_async.emulator import _arguments as arguments
from descope_async.emulator._json import Json
from descope_async.emulator._operations.routes import NAMES
from descope_async.emulator.errors import EmulatorError

Effect = Literal[
    "close",
    "compression_bomb",
    "delay",
    "drip",
    "garbage",
    "huge_body",
    "invalid_json",
    "outage",
    "rate_limit",
    "redirect",
    "reset",
    "stall",
    "stall_body",
    "status",
    "truncate",
    "wrong_content_type",
    "wrong_length",
]

#: The name by which rules mean new connections, of which no request was read yet.
CONNECT: Final = "connect"

#: By effect: whether the request is carried out, and the parameters with their defaults.
_DEFAULTS: Final[Mapping[str, Json]] = {
    "close": {"commit": False},
    "reset": {"commit": False},
    "stall": {"commit": False, "seconds": 60.0},
    "garbage": {"commit": False},
    "outage": {"commit": False, "seconds": 1.0},
    "status": {"commit": False, "status": 503, "retry_after": None, "retry_after_as_date": None},
    "rate_limit": {"commit": False, "retry_after": None, "retry_after_as_date": None},
    "redirect": {"commit": False, "status": 307, "location": "https://elsewhere.invalid/"},
    "huge_body": {"commit": False, "size": 64 * 2**20},
    "compression_bomb": {"commit": False, "size": 64 * 2**20},
    "delay": {"commit": True, "seconds": 1.0},
    "drip": {"commit": True, "seconds": 5.0},
    "stall_body": {"commit": True, "seconds": 60.0},
    "truncate": {"commit": True},
    "wrong_length": {"commit": True},
    "invalid_json": {"commit": True},
    "wrong_content_type": {"commit": True},
}
_PARAMETERS: Final = frozenset(name for each in _DEFAULTS.values() for name in each) - {"commit"}
_AT_CONNECT: Final = ("close", "garbage", "outage", "reset", "stall")
_REDIRECTS: Final = (301, 302, 303, 307, 308)
_COUNTS: Final = range(1, 2**31)
_SEEDS: Final = range(-(2**63), 2**63)
_DELAYS: Final = range(-(366 * 24 * 3600), 366 * 24 * 3600 + 1)
_SIZES: Final = range(2, 2**30 + 1)
_MOST_SECONDS: Final = 600
_HEADER: Final = re.compile(r"[ -~]{0,2000}\Z")


@frozen
class Fault:
    """A rule: what goes wrong, and with which requests.

    A rule counts the requests that it is about, from 1 on and from when it was added. Without
    `nth`, `every`, `times` and `probability` it strikes all of them.

    Effects instead of an answer; `commit` says whether the request is carried out first:

    - ``close``: nothing is sent, and the connection is closed.
    - ``reset``: nothing is sent, and the connection is reset (TCP RST).
    - ``stall``: nothing is sent for `seconds`, and then the connection is closed.
    - ``outage``: nothing is sent, all connections are closed, and new ones are refused for
      `seconds`.
    - ``garbage``: something that is not HTTP, and then the connection is closed.
    - ``status``: an HTML page with this `status`, as of a gateway.
    - ``rate_limit``: 429 with the service's body.
    - ``redirect``: to `location`.
    - ``huge_body``: a JSON object of `size` bytes.
    - ``compression_bomb``: such an object, compressed.

    Effects on the true answer, so that the request is always carried out:

    - ``delay``: it comes after `seconds`.
    - ``drip``: it comes byte by byte, in `seconds`.
    - ``stall_body``: its headers come, and for `seconds` nothing else; then the connection is
      closed.
    - ``truncate``: half of its body comes, and then the connection is closed.
    - ``wrong_length``: ``Content-Length`` is half of what comes.
    - ``invalid_json``: the last byte of its body is missing, and ``Content-Length`` fits.
    - ``wrong_content_type``: ``Content-Type`` says HTML.

    Args:
        effect: What goes wrong.
        operation: Which requests, such as ``"access_key.create"``, ``"exchange"`` or ``"key_set"``,
            as in the request log; None for all but the control door's. ``"connect"`` is for new
            connections, whose requests are not read; it takes ``close``, ``reset``, ``stall``,
            ``outage`` and ``garbage``. Over TLS, it strikes after the handshake.
        commit: Whether the request is carried out and stored before its answer goes wrong. None
            for no, or, with an effect on the true answer, for yes.
        nth: Strike only the request of this number.
        every: Strike only each request whose number is a multiple of this.
        times: Strike at most this many requests.
        probability: Strike each request with this probability, 0 to 1.
        seed: What `probability` is drawn with: the same seed gives the same sequence. None for a
            random seed.
        reused: Strike only requests on a connection that has had an earlier one. With ``close``
            or ``reset``, this is a connection that the service closes while the next request is
            on its way.
        seconds: How long, up to 600. None for 60 (``stall``, ``stall_body``), 5 (``drip``) or 1.
        status: 400 to 599, or, for a redirect, 301, 302, 303, 307 or 308. None for 503 or 307.
        retry_after: What ``Retry-After`` says: seconds, or any text. None for no such header.
        retry_after_as_date: Whether the seconds are sent as a date, counted from the ``Date`` of
            the answer.
        location: Where a redirect leads. None for a host that does not exist.
        size: Bytes before any compression, 2 to 1 GiB. None for 64 MiB.

    Raises:
        EmulatorError: The fault makes no sense; the message says why.
    """

    effect: Effect
    operation: str | None = None
    commit: bool | None = field(default=None, kw_only=True)
    nth: int | None = field(default=None, kw_only=True)
    every: int | None = field(default=None, kw_only=True)
    times: int | None = field(default=None, kw_only=True)
    probability: float | None = field(default=None, kw_only=True)
    seed: int | None = field(default=None, kw_only=True)
    reused: bool = field(default=False, kw_only=True)
    seconds: float | None = field(default=None, kw_only=True)
    status: int | None = field(default=None, kw_only=True)
    retry_after: int | str | None = field(default=None, kw_only=True)
    retry_after_as_date: bool | None = field(default=None, kw_only=True)
    location: str | None = field(default=None, kw_only=True)
    size: int | None = field(default=None, kw_only=True)

    def __attrs_post_init__(self) -> None:
        _check_effect(self)
        _check_rule(self)
        _check_parameters(self)

    def value(self, name: str) -> Any:
        """The parameter of this name; if it was not given, the effect's default."""
        given = getattr(self, name)
        return _DEFAULTS[self.effect][name] if given is None else given


def _check_effect(fault: Fault) -> None:
    if fault.effect not in get_args(Effect):
        known = ", ".join(get_args(Effect))
        raise EmulatorError(f"effect must be one of {known}, not {fault.effect!r}")
    known_operations = {*NAMES, CONNECT}
    if (
        fault.operation is not None
        and arguments.text("operation", fault.operation) not in known_operations
    ):
        known = ", ".join(sorted(known_operations))
        raise EmulatorError(f"operation must be one of {known}, not {fault.operation!r}")
    if fault.commit is not None:
        arguments.flag("commit", fault.commit)
    if fault.commit is False and _DEFAULTS[fault.effect]["commit"]:
        raise EmulatorError(f"commit cannot be False: {fault.effect} spoils the true answer")
    if fault.operation == CONNECT:
        if fault.effect not in _AT_CONNECT:
            raise EmulatorError(f"effect at {CONNECT} must be one of {', '.join(_AT_CONNECT)}")
        if fault.commit or fault.reused:
            raise EmulatorError(f"commit and reused mean nothing at {CONNECT}: nothing was read")


def _check_rule(fault: Fault) -> None:
    arguments.flag("reused", fault.reused)
    for name in ("nth", "every", "times"):
        if (value := getattr(fault, name)) is not None:
            arguments.integer(name, value, _COUNTS, "an integer, 1 or more")
    if fault.nth is not None and (fault.every, fault.times, fault.probability) != (None,) * 3:
        raise EmulatorError("nth is one request: every, times and probability mean nothing with it")
    if fault.probability is not None:
        arguments.number("probability", fault.probability, 0, 1, "a number from 0 to 1")
    if fault.seed is not None:
        arguments.integer("seed", fault.seed, _SEEDS, "an integer of 64 bits")
        if fault.probability is None:
            raise EmulatorError("seed means nothing without probability")


def _check_parameters(fault: Fault) -> None:
    for name in sorted(_PARAMETERS - set(_DEFAULTS[fault.effect])):
        if getattr(fault, name) is not None:
            raise EmulatorError(f"{name} means nothing with {fault.effect}")
    if fault.seconds is not None:
        meaning = f"a number from 0 to {_MOST_SECONDS}"
        arguments.number("seconds", fault.seconds, 0, _MOST_SECONDS, meaning)
    if fault.size is not None:
        arguments.integer("size", fault.size, _SIZES, "2 bytes to 1 GiB")
    if fault.status is not None:
        _check_status(fault)
    if fault.location is not None and not _HEADER.match(arguments.text("location", fault.location)):
        raise EmulatorError("location must be printable ASCII of at most 2000 characters")
    _check_retry_after(fault)


def _check_status(fault: Fault) -> None:
    if fault.effect == "redirect":
        if isinstance(fault.status, bool) or fault.status not in _REDIRECTS:
            raise EmulatorError(f"status of a redirect must be one of {_REDIRECTS}")
    else:
        arguments.integer("status", fault.status, range(400, 600), "400 to 599")


def _check_retry_after(fault: Fault) -> None:
    value = fault.retry_after
    if fault.retry_after_as_date is not None:
        arguments.flag("retry_after_as_date", fault.retry_after_as_date)
    if isinstance(value, str):
        if not _HEADER.match(value):
            raise EmulatorError("retry_after must be printable ASCII of at most 2000 characters")
    elif value is not None:
        arguments.integer("retry_after", value, _DELAYS, "seconds of at most a year, or a text")
    if fault.retry_after_as_date and not isinstance(value, int):
        raise EmulatorError("retry_after_as_date needs the seconds in retry_after")
