"""What takes the bytes of a connection apart, and keeps what came before a wrong one."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Any, Final

import aiohttp
from aiohttp.client_proto import ResponseHandler

#: Bytes that are kept as they came. An answer with a secret has far fewer.
_KEPT: Final = 1024 * 1024
#: Lines that are parsed one by one at a time: more than the head of an answer may have.
_LINES: Final = 300


class ResponseProtocol(ResponseHandler):
    """Hands an answer over before anything that follows it is parsed.

    For the calls that must happen once. It takes longer than aiohttp's, which does for the others.
    aiohttp parses all that arrives at once, and drops it when a part of it is wrong: a whole answer
    too, when other bytes follow it.

    Attributes:
        arrived: What came after the request, as it came.
    """

    arrived: bytearray
    _is_answered: bool
    _content: aiohttp.StreamReader | None

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self.arrived = bytearray()
        self._is_answered, self._content = False, None

    def data_received(self, data: bytes) -> None:
        """Called with what has arrived, and with nothing when a parser that paused is to go on."""
        self.arrived += data[: _KEPT - len(self.arrived)]
        start = 0
        for _ in range(_LINES):
            end = data.find(b"\n", start) + 1
            if self._is_answered or not end:
                break
            # The last line of the head must be alone: an error in what follows is met later then.
            self._parse(data[start:end])
            start = end
            if self.exception() is not None:
                return
        if start < len(data) or not data:
            self._parse(data[start:])

    def _parse(self, data: bytes) -> None:
        super().data_received(data)
        content = self._content
        if self.exception() is None or content is None or content.is_eof():
            return
        if content.exception() is None:
            # With aiohttp's C parser, the task that reads the body would wait for ever.
            content.set_exception(aiohttp.ClientPayloadError())

    def feed_data(self, data: Any, size: int = 0) -> None:
        """Called with the head of an answer, and with what its body can be read from."""
        message, self._content = data
        code = message.code
        self._is_answered = code >= HTTPStatus.OK or code == HTTPStatus.SWITCHING_PROTOCOLS
        super().feed_data(data, size)
