"""The floor of an awaited load that keeps promises, by the public API of aiohttp.

Beside what `awaited_load` does, it sends the headers that tell of the SDK, follows no redirect, limits
the time of the call and the size of its answer, and reads that into a frozen value whose members
are checked. It repeats nothing, names no failure, tells nobody, and trusts every kept connection.
"""

from __future__ import annotations

import asyncio
import json
import platform
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

import aiohttp
from multidict import istr

from benchmarks.answers import PROJECT
from descope_async import AccessKey, AssociatedTenant, __version__

_DEADLINE: Final = 10.0
_MOST: Final = 1024 * 1024
_NO_TIMEOUT: Final = aiohttp.ClientTimeout(total=None)
#: As many as the package sends, and as long.
HEADERS: Final[Mapping[istr, str]] = {
    istr("Accept"): "application/json",
    istr("User-Agent"): f"descope-async/{__version__}",
    istr("x-descope-sdk-name"): "python",
    istr("x-descope-sdk-version"): __version__,
    istr("x-descope-sdk-python-version"): platform.python_version(),
    istr("x-descope-project-id"): PROJECT,
    istr("x-descope-license"): "tier1",
}


async def load(session: aiohttp.ClientSession, where: str, key_id: str, bearer: str) -> AccessKey:
    """An access key."""
    async with asyncio.timeout(_DEADLINE):
        response = await session.get(
            f"{where}?id={key_id}",
            headers={**HEADERS, istr("Authorization"): f"Bearer {bearer}"},
            allow_redirects=False,
            timeout=_NO_TIMEOUT,
        )
        try:
            assert response.status == HTTPStatus.OK
            body, content = b"", response.content
            while not content.at_eof():
                body += content.read_nowait() if content.is_eof() else await content.readany()
                assert len(body) < _MOST
        finally:
            if not response.closed:
                response.release()
    return _key(json.loads(body)["key"])


def _key(given: dict[str, Any]) -> AccessKey:
    return AccessKey(
        id=_text(given["id"]),
        name=_text(given["name"]),
        description=_text(given["description"]),
        status=_text(given["status"]),
        role_names=_texts(given["roleNames"]),
        key_tenants=tuple(
            AssociatedTenant(
                _text(tenant["tenantId"]),
                _texts(tenant["roleNames"]),
                _text(tenant["tenantName"]),
            )
            for tenant in given["keyTenants"]
        ),
        bound_user_id=_text(given["boundUserId"]),
        client_id=_text(given["clientId"]),
        custom_claims=given["customClaims"],
        custom_attributes=given["customAttributes"],
        permitted_ips=_texts(given["permittedIps"]),
        created_by=_text(given["createdBy"]),
        created_time=_number(given["createdTime"]),
        expire_time=_number(given["expireTime"]),
        editable=given["editable"] is True,
    )


def _text(value: object) -> str:
    assert type(value) is str
    return value


def _texts(value: list[object]) -> tuple[str, ...]:
    return tuple([_text(each) for each in value])


def _number(value: object) -> int:
    assert type(value) is int
    return value
