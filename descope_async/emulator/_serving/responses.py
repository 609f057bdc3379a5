"""Responses: what the emulator sends, apart from what faults make of it."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Final

from aiohttp import web

from descope_async.emulator._error_answers import Code, error_body
from descope_async.emulator._json import encode

_INDEX: Final = """\
This is a local Descope, for tests. It answers the requests that Descope's SDKs make.

Clients need its base URL, {base_url}, a project id and a management key.
Whoever started it has these: the command line printed them, and in Python they are attributes of
the Emulator. Requests below /emulator/ steer it.
"""


def json_response(
    text: str, status: int = 200, headers: Mapping[str, str] | None = None
) -> web.Response:
    """A response with a JSON text, under a request id of its own."""
    return web.Response(
        text=text,
        status=status,
        headers={"x-request-id": secrets.token_hex(16), **(headers or {})},
        content_type="application/json",
    )


def error_text(code: Code, message: str) -> str:
    """The JSON text of an error answer."""
    return encode(error_body(code, message))


def index(request: web.BaseRequest) -> web.Response:
    """What a person sees who opens the base URL in a browser."""
    return web.Response(text=_INDEX.format(base_url=f"{request.scheme}://{request.host}"))
