"""Locations with ``{id}`` and ``{label}`` in them, and how a key's name becomes a part of one."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from typing import Final

from descope_async.errors import ConfigurationError

_FIELD: Final = re.compile(r"\{([^{}]*)\}")
_HASH: Final = 8


class Template:
    """A location that stands for one place for each key.

    Args:
        text: The location.
        escape: Makes of an id or a label what may stand in the location.

    Raises:
        ConfigurationError: The text has another field than ``{id}`` and ``{label}``.

    Attributes:
        text: The location.
    """

    def __init__(self, text: str, escape: Callable[[str], str]) -> None:
        self.text = text
        self._escape = escape
        for name in _FIELD.findall(text):
            if name not in ("id", "label"):
                raise ConfigurationError(
                    f"{text!r} has the field {{{name}}}; there are only {{id}} and {{label}}"
                )

    def fill(self, key_id: str, label: str) -> str:
        """The location for one key."""
        values = {"id": key_id, "label": label}
        return _FIELD.sub(lambda match: self._escape(values[match[1]]), self.text)


def slug(text: str, forbidden: re.Pattern[str], longest: int, *, fold: bool = False) -> str:
    """A text as a part of a name, with a hash at its end where it cannot stay as it is.

    Args:
        text: The text.
        forbidden: Matches each character that becomes a hyphen.
        longest: How many characters the result may have.
        fold: Whether capital letters are not allowed either.
    """
    kept = forbidden.sub("-", text)
    kept = kept.lower() if fold else kept
    if kept == text and len(kept) <= longest and not kept.startswith((".", "-")):
        return kept
    digest = hashlib.sha256(text.encode()).hexdigest()[:_HASH]
    return f"{kept.strip('.-')[: longest - _HASH - 1]}-{digest}".lstrip("-")
