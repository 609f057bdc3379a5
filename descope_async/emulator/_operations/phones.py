"""Phone numbers in the one form in which they are stored and looked up."""

from __future__ import annotations

import re
from typing import Final

_FORM: Final = re.compile(r"\+[0-9 ().-]{5,40}\Z")
_FEWEST_DIGITS: Final = 5


def canonical_phone(text: str) -> str:
    """A phone number as a plus and digits; any other text as it is.

    The service answers ``+1-555-555-5555`` with ``+15555555555``, also where a phone number is a
    login id.
    """
    if not _FORM.match(text):
        return text
    digits = "".join(each for each in text if each.isdigit())
    return f"+{digits}" if len(digits) >= _FEWEST_DIGITS else text
