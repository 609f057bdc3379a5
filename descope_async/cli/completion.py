"""What the Tab key offers: ids of access keys with their names, runs, and profiles."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import redirect_stderr, suppress
from pathlib import Path
from typing import Any, Final, cast

import click

from . import moments
from .user_folders import user_folder

Offer = tuple[str, str]

#: Seconds that the service has to answer, since a person waits.
_PATIENCE: Final = 0.5
#: Seconds for which an answer is good enough.
_FRESH: Final = 30.0
_MOST: Final = 1000


def key_ids(context: click.Context, incomplete: str) -> list[Offer]:
    """The ids that begin so, each with the key's name. Nothing where they cannot be had."""
    profile = context.find_root().params.get("profile")
    return _silently(lambda: _matching(_keys(profile), incomplete))


def run_names(_: click.Context, incomplete: str) -> list[Offer]:
    """The runs that are not finished."""
    from .run_folders import open_runs

    return _silently(
        lambda: _matching([(each.name, each.operation) for each in open_runs()], incomplete)
    )


def profiles(_: click.Context, incomplete: str) -> list[Offer]:
    """The profiles in the profile file."""
    from .profiles import profile_names

    return _silently(lambda: _matching([(each, "") for each in profile_names()], incomplete))


def _silently(offers: Callable[[], list[Offer]]) -> list[Offer]:
    """Offers, or none: an error would appear in the middle of what somebody types."""
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere, redirect_stderr(nowhere):
        try:
            return offers()
        except Exception:  # noqa: BLE001 - whatever it is, a person is typing
            return []


def _matching(offers: list[Offer], incomplete: str) -> list[Offer]:
    return [each for each in offers if each[0].startswith(incomplete)][:_MOST]


def _keys(profile: str | None) -> list[Offer]:
    """Ids and names: from the cache, else from the service, else from an old cache."""
    import asyncio

    import descope_async

    from .profiles import profile_settings

    client = descope_async.DescopeClient(**profile_settings(profile), retries={"attempts": 1})
    path = _cache_file(f"{client.base_url} {client.project_id}")
    known = _read(path)
    age = moments.now() - known["time"] if known else _FRESH
    if known and 0 <= age < _FRESH:
        return _offers(known)
    try:
        found = asyncio.run(_fetched(client))
    except (descope_async.DescopeError, TimeoutError):
        return _offers(known) if known else []
    _write(path, found)
    return _offers(found)


async def _fetched(client: Any) -> dict[str, Any]:
    import asyncio

    async with asyncio.timeout(_PATIENCE), client:
        keys = await client.mgmt.access_key.search_all_access_keys()
    listed = [[key.id, f"{key.name} ({key.status})"] for key in keys]
    return {"time": moments.now(), "keys": listed}


def _offers(known: dict[str, Any]) -> list[Offer]:
    return [(str(key_id), str(name)) for key_id, name in known["keys"]]


def _cache_file(about: str) -> Path:
    import hashlib

    name = hashlib.sha256(about.encode()).hexdigest()[:16]
    return user_folder("XDG_CACHE_HOME", ".cache") / f"{name}.json"


def _read(path: Path) -> dict[str, Any] | None:
    import json

    with suppress(OSError, ValueError):
        found: object = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(found, dict) and {"time", "keys"} <= found.keys():
            return cast("dict[str, Any]", found)
    return None


def _write(path: Path, found: dict[str, Any]) -> None:
    import json

    from descope_async._files.private_files import Access, write_whole
    from descope_async._files.private_folders import make_folder

    with suppress(OSError):
        make_folder(path.parent)
        write_whole(path, json.dumps(found).encode(), Access(), overwrite=True)
