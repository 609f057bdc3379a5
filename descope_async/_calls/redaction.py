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
        self._echoes = (
            [] if bearer is None else [*map(_echo_of, map(Secret, bearer.reveal().split(":")[1:]))]
        )

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


def _echo_of(key: Secret[str]) -> tuple[int, Callable[[object], bool]]:
    """The length of the parts of a key that are not shown, and whether a text is such a part.

    A debugger that shows this function's result shows no part of the key.
    """
    length = min(_ECHO, len(key.reveal()))
    starts = range(len(key.reveal()) - length + 1 if length >= _LEAST_ECHO else 0)
    return length, {key.reveal()[at : at + length] for at in starts}.__contains__


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
