"""What a server said, made fit to be shown: no key, no control character, and not too much."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from typing import Final

from attrs import define, field

from descope_async._values.secret import Secret

#: Characters of a text that are shown, and characters that are looked at for that.
_LONGEST, _LOOKED_AT = 500, 4000
#: So many characters of a key in a row are not shown. A text that is shorter than the second number
#: is no key, and would be found everywhere.
_ECHO, _LEAST_ECHO = 8, 2
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]+")
#: JSON Web Tokens: all begin with the base64url of ``{"``.
_TOKEN: Final = re.compile(r"eyJ[A-Za-z0-9_-]{8,}+(?:\.[A-Za-z0-9_-]*+)*+")
#: What is as long as a key, and longer than the ids that a support team asks for: a UUID has 36
#: characters.
_KEY_SIZED: Final = re.compile(r"[A-Za-z0-9_+=-]{40,}+")


@define(eq=False)
class Redaction:
    """Takes keys out of what is shown of an answer.

    A server may repeat what it was sent, by this request or by another one. So parts of the keys that
    the client knows are taken out, and also whatever looks like a token or like somebody else's key.

    Attributes:
        bearer: The credential of the request: a project id and keys, with colons between them. None
            for a request without one.
        others: What else must not be shown.
    """

    bearer: Secret[str] | None
    others: Collection[Secret[str]] = ()
    _echoes: list[tuple[int, Callable[[object], bool]]] | None = field(default=None, init=False)

    def _find_echoes(self) -> list[tuple[int, Callable[[object], bool]]]:
        """Lengths, each with whether a text of this length is a part of a key.

        A debugger that shows such a method shows no part.
        """
        keys = list(self.others)
        if self.bearer is not None:
            keys += map(Secret, self.bearer.reveal().split(":")[1:])
        found: dict[int, list[Secret[set[str]]]] = {}
        for key in keys:
            length = min(_ECHO, len(key.reveal()))
            if length >= _LEAST_ECHO:
                places = range(len(key.reveal()) - length + 1)
                parts = Secret({key.reveal()[at : at + length] for at in places})
                found.setdefault(length, []).append(parts)
        return [
            (length, set[str]().union(*[each.reveal() for each in parts]).__contains__)
            for length, parts in found.items()
        ]

    def shown(self, said: str | None, longest: int = _LONGEST) -> str | None:
        """The part of a text that may be shown; None for None.

        Args:
            said: The text.
            longest: How many characters it may have.
        """
        if said is None:
            return None
        return _CONTROL.sub(" ", _KEY_SIZED.sub("…", self._unechoed(said)))[:longest]

    def shown_id(self, said: str | None) -> str | None:
        """As `shown`, for the id of a request, which may be longer than a key."""
        return None if said is None else _CONTROL.sub(" ", self._unechoed(said))[:_LONGEST]

    def _unechoed(self, said: str) -> str:
        if self._echoes is None:
            self._echoes = self._find_echoes()
        said = said[:_LOOKED_AT]
        for length, is_part in self._echoes:
            said = _without(said, length, is_part)
        return _TOKEN.sub("…", said)


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
