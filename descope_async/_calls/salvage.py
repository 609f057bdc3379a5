"""The secret of a new key, found in an answer that is damaged or an error."""

from __future__ import annotations

import json
import re
from typing import Final

from descope_async.errors import ApiError, DescopeError, RequestFailed, UnexpectedResponse
from descope_async.errors._new_secrets import salvaged_in

#: Strings and runs of brackets, in JSON that may be cut off anywhere.
_TOKEN: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+"?+|[{\[]++|[}\]]++', re.DOTALL)
_NAME: Final = b'"cleartext"'
#: The value behind a name, if it is a string that is there as a whole.
_VALUE: Final = re.compile(rb'\s*+:\s*+("(?:[^"\\]++|\\.)*+")', re.DOTALL)


def with_secret(failure: DescopeError, body: bytes | bytearray, call: str) -> DescopeError:
    """What to raise for an answer of no use: the failure, or one that has the secret.

    Args:
        failure: The failure.
        body: The body of the answer, as far as it came.
        call: What was done, such as ``"access_key.create"``.
    """
    if salvaged_in(failure) is not None:
        return failure
    cleartext = salvaged(body)
    if cleartext is None:
        return failure
    if isinstance(failure, RequestFailed):
        cause = failure
        failure = UnexpectedResponse(
            f"{call}: the answer cannot be read, but its secret can ({cause})", operation=call
        )
        failure.__cause__ = cause
    elif isinstance(failure, ApiError):
        # This is not the cause, because its texts may show the secret.
        failure = UnexpectedResponse(
            f"{call}: the answer has a new secret, although its status is {failure.status_code}",
            operation=call,
            status_code=failure.status_code,
            request_id=failure.request_id,
        )
    if isinstance(failure, UnexpectedResponse):
        failure.cleartext = cleartext
    return failure


def salvaged(body: bytes | bytearray) -> str | None:
    """The secret of a new key in an answer of no use; None when it is not there as a whole.

    Only a member of the outermost object counts: a claim of the key may have the same name.
    """
    depth = 0
    for token in _TOKEN.finditer(body, 0, body.rfind(_NAME) + len(_NAME)):
        first, length = body[token.start()], token.end() - token.start()
        if first in b"{[":
            depth += length
        elif first in b"}]":
            depth -= length
        elif depth == 1 and length == len(_NAME) and token[0] == _NAME:
            value = _VALUE.match(body, token.end())
            if value is not None and (secret := _text(value[1])):
                return secret
    return None


def _text(string: bytes) -> str | None:
    try:
        return str(json.loads(string.decode()))
    except ValueError:
        return None
