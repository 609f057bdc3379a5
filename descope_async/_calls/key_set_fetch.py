"""The project's key set (JWKS), fetched."""

from __future__ import annotations

import re
from typing import Final

from descope_async._config.config import Config
from descope_async._tokens.key_set import MAX_KEY_SET, FetchedKeys
from descope_async._values.strict_json import read_object
from descope_async.errors import UnexpectedResponse

from .answer_headers import http_date
from .messages import Answer, Request
from .transport import Transport

_OPERATION: Final = "key_set"
_SECONDS: Final = re.compile(r"[0-9]{1,9}")


class KeySetFetch:
    """Fetches the signing keys that the service publishes for a project.

    Attributes:
        service_time: The time of the last answer by the service's clock, also of a refusal; epoch
            seconds. None before it, or where it does not say it.
    """

    service_time: float | None

    def __init__(self, config: Config, transport: Transport) -> None:
        self.service_time = None
        self._config = config
        self._transport = transport

    async def fetch(self) -> FetchedKeys:
        """The keys as they are published now.

        Raises:
            ConfigurationError: The client has no project.
            DescopeError: They cannot be had.
        """
        request = Request(
            operation=_OPERATION,
            method="GET",
            path=f"/v2/keys/{self._config.project.id}",
            template="/v2/keys/{project_id}",
            deadline=self._config.timeouts.keys,
            max_body=MAX_KEY_SET,
        )
        try:
            return await self._transport.send(request, self._read)
        finally:
            sent_at = http_date(request.answer_headers.get("Date"))
            age = _age(request.answer_headers.get("Age", ""))
            self.service_time = None if sent_at is None else sent_at + age

    async def _read(self, answer: Answer) -> FetchedKeys:
        if read_object(answer.body) is None:
            raise UnexpectedResponse(f"{_OPERATION}: the answer is not a JSON object")
        return FetchedKeys(
            answer.body,
            answer.headers.get("Cache-Control", ""),
            _age(answer.headers.get("Age", "")),
        )


def _age(header: str) -> float:
    """Seconds for which a cache on the way has kept the answer (RFC 9111 section 5.1)."""
    return float(header) if _SECONDS.fullmatch(header) else 0.0
