"""What a program adds to every request: headers, a request id, its name in ``User-Agent``."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import Final, TypeAlias, cast

from descope_async._runtime.coroutine_functions import is_coroutine_function
from descope_async._values.secret import Secret
from descope_async.errors import ConfigurationError

#: Called for the current request id, which may be any object.
RequestId: TypeAlias = Callable[[], object]

_NAME: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
#: RFC 9110 section 5.5: what a value may be that every server reads alike.
_LEAST_CREDENTIAL: Final = 16
_VALUE: Final = re.compile(r"[\x21-\x7e](?:[\x20-\x7e\t]{0,8190}[\x21-\x7e])?")
#: Products with versions, and comments, as RFC 9110 section 10.1.5 has them.
_AGENT: Final = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]{0,198}[\x21-\x7e])?")
_REQUEST_ID: Final = re.compile(r"[\x21-\x7e]{1,128}")
_MAX_HEADERS: Final = 50
#: Headers that this client or its HTTP library sends, and those that decide where a message ends.
_OWN: Final = frozenset(
    {
        "accept",
        "accept-encoding",
        "authorization",
        "connection",
        "content-encoding",
        "content-length",
        "content-type",
        "cookie",
        "expect",
        "host",
        "http2-settings",
        "keep-alive",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "x-external-rid",
    }
)
_OWN_FAMILIES: Final = ("x-descope-", "proxy-")


def headers(value: Secret[object]) -> Secret[Mapping[str, str]]:
    """The ``headers`` of a client. They may hold a gateway's credentials, so none is ever quoted.

    Raises:
        ConfigurationError: They are no headers, or would replace the client's own.
    """
    if value.reveal() is None:
        return Secret({})
    if not isinstance(value.reveal(), Mapping):
        kind = type(value.reveal()).__name__
        raise ConfigurationError(f"headers must be a mapping, not {kind}")
    given = Secret(dict(cast("Mapping[object, object]", value.reveal())))
    if len(given.reveal()) > _MAX_HEADERS:
        raise ConfigurationError(f"headers has more than {_MAX_HEADERS} entries")
    names = [_name(name) for name in given.reveal()]
    lowered = [name.lower() for name in names]
    if twice := next((name for name in names if lowered.count(name.lower()) > 1), None):
        raise ConfigurationError(f"headers has {twice} more than once")
    for name in names:
        found = Secret(given.reveal()[name])
        text = found.reveal()
        is_good = isinstance(text, str) and _VALUE.fullmatch(text) is not None
        del text
        if not is_good:
            raise ConfigurationError(
                f"headers[{name!r}] must be a string of printable ASCII characters without a line "
                "end, not empty and without spaces around it"
            )
    return Secret({name: str.__str__(cast("str", given.reveal()[name])) for name in names})


def credentials(headers: Secret[Mapping[str, str]]) -> list[Secret[str]]:
    """The values of headers that may be credentials. A shorter one may be an ordinary word."""
    values = map(Secret, headers.reveal().values())
    return [each for each in values if len(each.reveal()) >= _LEAST_CREDENTIAL]


def user_agent(value: object) -> str:
    """What follows the client's own name in ``User-Agent``; empty for nothing.

    Raises:
        ConfigurationError: It cannot stand there.
    """
    if value is None or value == "":
        return ""
    if not isinstance(value, str) or not _AGENT.fullmatch(value):
        raise ConfigurationError(
            "user_agent must be a string such as 'billing/2.1', of at most 200 printable ASCII "
            "characters"
        )
    return str.__str__(value)


def external_request_id(value: object) -> RequestId | None:
    """The function that returns the current request id; None for no request id.

    Raises:
        ConfigurationError: It is neither a context variable nor a plain function.
    """
    if value is None:
        return None
    if isinstance(value, ContextVar):
        variable = cast("ContextVar[object]", value)
        return lambda: variable.get(None)
    if not callable(value):
        raise ConfigurationError(
            "external_request_id must be a ContextVar or a function without parameters, "
            f"not {type(value).__name__}"
        )
    if is_coroutine_function(value):
        raise ConfigurationError("external_request_id must be a plain function: nobody awaits it")
    return cast("RequestId", value)


def is_request_id(value: object) -> bool:
    """Whether a request id can be sent."""
    return isinstance(value, str) and _REQUEST_ID.fullmatch(value) is not None


def _name(name: object) -> str:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ConfigurationError("headers has a name that is no name of a header")
    lowered = name.lower()
    if lowered == "user-agent":
        raise ConfigurationError(
            "headers must not have User-Agent: pass user_agent, which adds to it"
        )
    if lowered in _OWN or lowered.startswith(_OWN_FAMILIES):
        raise ConfigurationError(f"headers must not have {name}, which is the client's own")
    return name
