"""The headers of a request: what it says of the client, of its credential and of its body."""

from __future__ import annotations

import platform
from typing import Final

from aiohttp import hdrs
from multidict import CIMultiDict, istr

from descope_async import __version__
from descope_async._config.config import Config
from descope_async._values.secret import Secret

from .messages import Request

_LICENSE: Final = istr("x-descope-license")
_EXTERNAL_ID: Final = istr("x-external-rid")


def headers_of(request: Request, others: Secret[CIMultiDict[str]]) -> CIMultiDict[str]:
    """The headers of a request. Its credential is among them: keep them in no variable.

    Args:
        request: The request.
        others: What it is to say beside what it says itself.
    """
    headers = others.reveal().copy()
    if request.care.headers:
        headers.update(request.care.headers)
    if request.bearer is not None:
        headers[hdrs.AUTHORIZATION] = f"Bearer {request.bearer.reveal()}"
    if request.body is not None:
        headers[hdrs.CONTENT_TYPE] = "application/json"
    if request.license_tier is not None:
        headers[_LICENSE] = request.license_tier
    if request.external_id is not None:
        headers[_EXTERNAL_ID] = request.external_id
    return headers


def headers_of_all(config: Config) -> CIMultiDict[str]:
    """What every request says of the client, and what the client was told to say."""
    headers = {
        **config.headers.reveal(),
        "Accept": "application/json",
        "User-Agent": f"descope-async/{__version__} {config.user_agent}".rstrip(),
        "x-descope-sdk-name": "python",
        "x-descope-sdk-version": __version__,
        "x-descope-sdk-python-version": platform.python_version(),
        "x-descope-project-id": config.project.id,
    }
    # The names of plain strings would be lowered again and again for every request.
    return CIMultiDict({istr(name): value for name, value in headers.items()})
