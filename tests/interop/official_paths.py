"""The paths that an official SDK may call, by its source, and what a local Descope says of each."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import aiohttp

from descope_async.emulator import Emulator

_PATH: Final = re.compile(r"""["'`](/(?:v\d|oauth2|scim)/[^"'`\s,]*)["'`]""")
_PARAMETER: Final = re.compile(r"\$?\{[^}]*\}")
#: Without the project that clients put behind it.
_KEY_SETS: Final = "/v2/keys"
_METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE")


def paths_in(sources: Iterable[Path]) -> list[str]:
    """The paths that sources hold, with a letter for each parameter."""
    texts = [each.read_text(encoding="utf-8") for each in sources]
    found = {_PARAMETER.sub("x", path) for text in texts for path in _PATH.findall(text)}
    return sorted(found - {_KEY_SETS})


async def unknown(paths: Iterable[str]) -> list[str]:
    """The paths of which a local Descope says that there is nothing."""
    found: list[str] = []
    async with Emulator() as emulator, aiohttp.ClientSession(emulator.base_url) as session:
        for path in paths:
            answers = [await _text(session, method, path) for method in _METHODS]
            if any("nothing at this path" in text for text in answers):
                found.append(path)
    return found


async def _text(session: aiohttp.ClientSession, method: str, path: str) -> str:
    async with session.request(method, path) as response:
        return await response.text()
