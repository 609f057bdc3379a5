"""What a server said, made fit to be shown: no key, no control character, and not too much."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from descope_async._values.secret import Secret

#: Characters of a text that are shown, and characters that are looked at for that.
_LONGEST, _LOOKED_AT = 500, 4000
#: So many characters of a key in a row are not shown. A text that is shorter than the second number
#: is no key, and would be found everywhere.
_ECHO, _LEAST_ECHO = 8, 2
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]+")


class Redaction:
    """Takes the keys that a request carried out of what is shown of its answer.

    A server may repeat what it was sent. Parts of a key are taken out too.

    Args:
        bearer: The credential of the request: a project id and keys, with colons between them. None
            for a request without one.
    """

    def __init__(self, bearer: Secret[str] | None) -> None:
        keys: list[Secret[str]] = []
        if bearer is not None:
            keys += map(Secret, bearer.reveal().split(":")[1:])
        lengths = [min(_ECHO, len(key.reveal())) for key in keys]
        # A length, and whether a text of this length is a part of the key. A debugger that shows
        # such a method shows no part.
        self._echoes = [
            (
                length,
                {
                    key.reveal()[at : at + length] for at in range(len(key.reveal()) - length + 1)
                }.__contains__,
            )
            for key, length in zip(keys, lengths, strict=True)
            if length >= _LEAST_ECHO
        ]

    def shown(self, said: str | None, longest: int = _LONGEST) -> str | None:
        """The part of a text that may be shown; None for None.

        Args:
            said: The text.
            longest: How many characters it may have.
        """
        if said is None:
            return None
        said = said[:_LOOKED_AT]
        for length, is_part in self._echoes:
            said = _without(said, length, is_part)
        return _CONTROL.sub(" ", said)[:longest]


def _without(said: str, length: int, is_part: Callable[[object], bool]) -> str:
    """A text with an ellipsis for each run of parts of a key."""
    kept: list[str] = []
    hidden_until = 0
    for at, character in enumerate(said):
        if is_part(said[at : at + length]):
            if at >= hidden_until:
                kept.append("…")
            hidden_until = at + length
        elif at >= hidden_until:
            kept.append(character)
    return "".join(kept)
