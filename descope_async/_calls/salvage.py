"""The secret of a new key, found in an answer that is damaged."""

from __future__ import annotations

import json
import re
from typing import Final

#: Strings and runs of brackets, in JSON that may be cut off anywhere.
_TOKEN: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+"?+|[{\[]++|[}\]]++', re.DOTALL)
_NAME: Final = b'"cleartext"'
#: The value behind a name, if it is a string that is there as a whole.
_VALUE: Final = re.compile(rb'\s*+:\s*+("(?:[^"\\]++|\\.)*+")', re.DOTALL)


def salvaged(body: bytes | bytearray) -> str | None:
    """The secret of a new key in an answer that is damaged; None when it is not there as a whole.

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
