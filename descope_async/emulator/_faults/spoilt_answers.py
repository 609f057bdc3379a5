"""The answers to requests that a fault strikes."""

from __future__ import annotations

import secrets
import zlib
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus
from typing import Final, cast

import anyio
import anyio.to_thread
from aiohttp import web
from aiohttp.abc import AbstractStreamWriter

from descope_async.emulator._error_answers import Problem, error_body
from descope_async.emulator._json import encode

from .fault import Fault
from .spoilt_connections import Connection, Script, ScriptedResponse, ending

_PAGE: Final = "<html><head><title>{0} {1}</title></head><body><h1>{0} {1}</h1></body></html>\n"
_REASONS: Final = {
    520: "Web server is returning an unknown error",
    521: "Web server is down",
    522: "Connection timed out",
    523: "Origin is unreachable",
    524: "A timeout occurred",
    530: "Origin error",
    **{each.value: each.phrase for each in HTTPStatus},
}
_BLOCK: Final = 2**16

Answer = Callable[[], Awaitable[web.Response]]


class _HugeBody(web.StreamResponse):
    def __init__(self, size: int) -> None:
        super().__init__(headers={"Content-Type": "application/json"})
        self.content_length = size

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Called by aiohttp to send the headers."""
        with cast("Connection", request.protocol).performing():
            writer = await super().prepare(request)
            for block in _blank_object(self.content_length or 0):
                await self.write(block)
        return writer


async def sabotaged(
    request: web.BaseRequest, fault: Fault, answer: Answer, now: float
) -> web.StreamResponse:
    """The answer to a request that a fault strikes.

    Args:
        request: The request.
        fault: What goes wrong.
        answer: Carries the request out, and gives the true answer.
        now: Epoch seconds.
    """
    if not fault.value("commit"):
        await _read(request)
        return await _replacement(fault, now)
    true_answer = await answer()
    if fault.effect in _SPOILT:
        return _SPOILT[fault.effect](fault, true_answer)
    return await _replacement(fault, now)


async def _read(request: web.BaseRequest) -> None:
    if "Expect" in request.headers:
        return  # the body will only come when it is asked for
    # It does not matter what is in it.
    with suppress(web.HTTPRequestEntityTooLarge, web.RequestPayloadError, ConnectionError):
        await request.read()


async def _replacement(fault: Fault, now: float) -> web.StreamResponse:
    if fault.effect == "huge_body":
        return _HugeBody(fault.value("size"))
    if fault.effect == "compression_bomb":
        return web.Response(
            body=await anyio.to_thread.run_sync(_bomb, fault.value("size")),
            headers={"Content-Type": "application/json", "Content-Encoding": "gzip"},
        )
    if fault.effect == "rate_limit":
        text = encode(error_body(Problem.TOO_MANY, "Try again later"))
        headers = {"x-request-id": secrets.token_hex(16)} | _retry_after(fault, now)
        return web.Response(
            text=text,
            status=Problem.TOO_MANY.status,
            headers=headers,
            content_type="application/json",
        )
    if fault.effect == "redirect":
        return _page(fault.value("status"), {"Location": fault.value("location")})
    if fault.effect == "status":
        return _page(fault.value("status"), _retry_after(fault, now))
    return ScriptedResponse(ending(fault))


def _page(status: int, headers: dict[str, str]) -> web.Response:
    reason = _REASONS.get(status, "Unknown")
    text = _PAGE.format(status, reason)
    return web.Response(
        text=text, status=status, reason=reason, headers=headers, content_type="text/html"
    )


def _retry_after(fault: Fault, now: float) -> dict[str, str]:
    value = fault.value("retry_after")
    if value is None:
        return {}
    if fault.value("retry_after_as_date"):
        return {
            "Date": formatdate(int(now), usegmt=True),
            "Retry-After": formatdate(int(now) + value, usegmt=True),
        }
    return {"Retry-After": str(value)}


def _delay(fault: Fault, answer: web.Response) -> web.StreamResponse:
    return ScriptedResponse(
        Script((fault.value("seconds"), _head(answer, "close") + _body(answer))), answer
    )


def _drip(fault: Fault, answer: web.Response) -> web.StreamResponse:
    sent = _head(answer, "close") + _body(answer)
    pause: float = fault.value("seconds") / len(sent)
    steps: list[bytes | float] = []
    for byte in sent:
        steps += [bytes([byte]), pause]
    return ScriptedResponse(Script(tuple(steps)), answer)


def _stall_body(fault: Fault, answer: web.Response) -> web.StreamResponse:
    return ScriptedResponse(Script((_head(answer), fault.value("seconds"))), answer)


def _truncate(_: Fault, answer: web.Response) -> web.StreamResponse:
    body = _body(answer)
    return ScriptedResponse(Script((_head(answer) + body[: len(body) // 2],)), answer)


def _wrong_length(_: Fault, answer: web.Response) -> web.StreamResponse:
    body = _body(answer)
    return ScriptedResponse(Script((_head(answer, length=len(body) // 2) + body,)), answer)


def _invalid_json(_: Fault, answer: web.Response) -> web.StreamResponse:
    return web.Response(body=_body(answer)[:-1], status=answer.status, headers=answer.headers)


def _wrong_content_type(_: Fault, answer: web.Response) -> web.StreamResponse:
    answer.content_type = "text/html"
    return answer


_SPOILT: Final[dict[str, Callable[[Fault, web.Response], web.StreamResponse]]] = {
    "delay": _delay,
    "drip": _drip,
    "stall_body": _stall_body,
    "truncate": _truncate,
    "wrong_length": _wrong_length,
    "invalid_json": _invalid_json,
    "wrong_content_type": _wrong_content_type,
}


def _head(answer: web.Response, connection: str = "keep-alive", length: int | None = None) -> bytes:
    headers = {
        **answer.headers,
        "Content-Length": str(len(_body(answer)) if length is None else length),
        "Connection": connection,
    }
    lines = [f"{name}: {value}\r\n" for name, value in headers.items()]
    return f"HTTP/1.1 {answer.status} {answer.reason}\r\n{''.join(lines)}\r\n".encode()


def _body(answer: web.Response) -> bytes:
    return cast("bytes", answer.body)


def _blank_object(size: int) -> Iterator[bytes]:
    """An empty JSON object of so many bytes."""
    yield b"{"
    blank = bytes(_BLOCK).replace(b"\0", b" ")
    for start in range(0, size - 2, _BLOCK):
        yield blank[: size - 2 - start]
    yield b"}"


@lru_cache(maxsize=1)
def _bomb(size: int) -> bytes:
    packer = zlib.compressobj(9, wbits=31)  # 31: gzip
    return b"".join([*map(packer.compress, _blank_object(size)), packer.flush()])
